#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# repair: both footers anew, the file cut behind them, nothing else touched.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

bytes() { printf "%$2s" '' | sed "s/ /$1/g"; }
ends_well() {
	same "$(bytes_of "$1")" "$(vu query -n "$1" -s)" "bytes in use:"
	same "$(hex "$1" 0 512)" "$(hex "$1" $(($(bytes_of "$1") - 512)) 512)"
}

vu create -n a.vhd -s 16
pattern a.vhd 0 9 AAAA
pattern a.vhd 20000 100 BBBB
size=$(bytes_of a.vhd)
content=$(digest a.vhd)
cp a.vhd good.vhd

# Nothing to do: nothing done, and nothing said.
run 0 vu repair -n a.vhd
expect_silent
same_file a.vhd good.vhd
run 0 vu repair --debug -n a.vhd -b
expect_silent
same_file a.vhd good.vhd

# A footer that is lost, killed, cut off, damaged, followed by other things.
mend() {
	run 0 vu repair -n bad.vhd
	expect_silent
	same_file bad.vhd good.vhd
}
for fill in 00 c7 ff 5a; do
	cp good.vhd bad.vhd
	poke bad.vhd $((size - 512)) "$(bytes $fill 512)"
	run 22 vu check -n bad.vhd
	mend
done
head -c $((size - 512)) good.vhd >bad.vhd
mend
head -c $((size - 1)) good.vhd >bad.vhd
mend
cp good.vhd bad.vhd
poke bad.vhd $((size - 512 + 40)) ff
mend
cp good.vhd bad.vhd
poke bad.vhd 0 "$(bytes 00 512)"
mend
head -c 70000 /dev/zero >>bad.vhd
run 0 vu repair -n bad.vhd
same_file bad.vhd good.vhd
# The footer moved out, as a coalesce does it that was killed.
cp good.vhd bad.vhd
truncate -s $((size + 4000256)) bad.vhd
tail -c 512 good.vhd >>bad.vhd
mend
# A last block that is not all there.
head -c $((size - 1000000)) good.vhd >bad.vhd
run 0 vu repair -n bad.vhd
ends_well bad.vhd
same "$(bytes_of bad.vhd)" "$size"

# -b: what the copy says, although the footer is sound.
cp good.vhd bad.vhd
vu set -n bad.vhd -f hidden -v 1
head -c 512 bad.vhd >front
cp good.vhd bad.vhd
dd if=front of=bad.vhd conv=notrunc status=none
run 0 vu repair -n bad.vhd
same_file bad.vhd good.vhd
dd if=front of=bad.vhd conv=notrunc status=none
run 0 vu repair -b -n bad.vhd
run 0 vu query -n bad.vhd -f
expect_out 'hidden: 1\n'
ends_well bad.vhd
poke bad.vhd 0 "$(bytes 00 512)"
cp bad.vhd was.vhd
run 22 vu repair -b -n bad.vhd
expect_out 'error opening bad.vhd: -22\n'
same_file bad.vhd was.vhd

# An id of zeros becomes one.
cp good.vhd bad.vhd
python3 - bad.vhd <<'EOF'
import sys
with open(sys.argv[1], "r+b") as f:
    data = bytearray(f.read())
    for at in (0, len(data) - 512):
        foot = data[at:at + 512]
        foot[68:84] = bytes(16)
        foot[64:68] = bytes(4)
        foot[64:68] = (~sum(foot) & 0xffffffff).to_bytes(4, "big")
        f.seek(at)
        f.write(foot)
EOF
run 22 vu check -n bad.vhd
run 0 vu repair -n bad.vhd
run 0 vu check -n bad.vhd
[ "$(hex bad.vhd 68 16)" != 00000000000000000000000000000000 ] ||
	fail "the id is zeros"
ends_well bad.vhd
same "$(digest bad.vhd)" "$content"

# A block that begins behind the end is no block: nothing is touched.
cp good.vhd bad.vhd
poke bad.vhd $((1536 + 8)) 00ff0000
cp bad.vhd was.vhd
run 22 vu repair -n bad.vhd
expect_out 'error opening bad.vhd: -22\n'
same_file bad.vhd was.vhd

# A fixed disk, a child, an interrupted resize, no image, no file, wrong use.
vu create -n fixed.vhd -s 4 -r
cp fixed.vhd fixed.was
run 0 vu repair -n fixed.vhd
same_file fixed.vhd fixed.was
head -c $((4 * 1048576 + 511)) fixed.was >fixed.vhd
run 0 vu repair -n fixed.vhd
same_file fixed.vhd fixed.was
vu snapshot -n child.vhd -p good.vhd
pattern child.vhd 50 3 CCCC
cp child.vhd child.was
poke child.vhd $(($(bytes_of child.vhd) - 512)) "$(bytes c7 512)"
mv good.vhd elsewhere.vhd
run 0 vu repair -n child.vhd
same_file child.vhd child.was
mv elsewhere.vhd good.vhd
poison good.vhd poison.vhd
cp poison.vhd poison.was
run 22 vu repair -n poison.vhd
run 22 vu repair -b -n poison.vhd
same_file poison.vhd poison.was
head -c 5000 /dev/zero >zero.vhd
run 22 vu repair -n zero.vhd
run 2 vu repair -n nope.vhd
expect_out 'error opening nope.vhd: -2\n'
run 22 vu repair -b
run 22 vu repair -n good.vhd more
run 22 vu repair --debug -h
