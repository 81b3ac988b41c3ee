#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# "convert" in the old form: in place, with a copy kept as IN.bak, and what image
# builders do with it.
. "$(dirname "$0")/lib.sh"

pattern_data 0 5000 disk >disk.raw
truncate -s 9M disk.raw
disk=$(sum disk.raw)

# As image builders have it.
(
	set -e
	cp disk.raw x.raw
	vu convert -s 0 -t 1 -i x.raw -o x.raw
	vu convert -s 1 -t 2 -i x.raw -o x.vhd
	rm x.raw.bak
) >"$out" 2>"$err" || fail "the builder's commands"
expect_silent
[ ! -e x.raw ] || fail "x.raw is still there"
run 0 vu query -n x.vhd -vf
expect_out '10\nhidden: 0\n'
run 0 vu check -n x.vhd
same "$(be x.vhd 60 4)" 3 "the type is"
same "$(hex x.vhd 28 8)" 7461700000010003
vu read --no-progress --length 9M x.vhd | cmp - disk.raw || fail "other bytes"

# There and back, in place, and under other names.
cp disk.raw a
inode=$(stat -c %i a)
run 0 vu convert -i a -o b -s 0 -t 1
expect_silent
[ ! -e a ] || fail "a is still there"
same "$(stat -c %i b)" "$inode" "the file is"
same "$(bytes_of b)" $((9 * 1048576 + 512))
same "$(hex b $((9 * 1048576)) 8)" 636f6e6563746978
same "$(hex b $((9 * 1048576 + 60)) 4)" 00000002
same "$(digest b)" "$disk"
run 0 vu convert -s 1 -t 0 -i b -o b
expect_silent
same "$(sum b)" "$disk"
same "$(stat -c %i b)" "$inode" "the file is"
run 0 vu convert -i b -ob -s0 -t1
echo old >c
run 0 vu convert -s1 -t0 -ib -oc
same "$(sum c)" "$disk"
# A length that is no number of sectors.
head -c 1000 disk.raw >odd
run 0 vu convert -s 0 -t 1 -i odd -o odd
same "$(bytes_of odd)" 1536
run 0 vu convert -s 1 -t 0 -i odd -o odd
same "$(bytes_of odd)" 1024
head -c 1000 disk.raw | cmp -n 1000 - odd || fail "other bytes"

# Dynamic to fixed; the same name twice; a copy that is replaced.
cp x.vhd d.vhd
echo old >d.vhd.bak
run 0 vu convert -s 2 -t 1 -i d.vhd -o d.vhd
expect_silent
same_file d.vhd.bak x.vhd
same "$(bytes_of d.vhd)" $((10 * 1048576 + 512))
same "$(digest d.vhd)" "$(digest x.vhd)"
run 0 vu convert -s 1 -t 2 -i d.vhd -o d.vhd
same "$(digest d.vhd)" "$(digest x.vhd)"
same "$(be d.vhd 60 4)" 3 "the type is"

# What fails leaves all as it was.
before=$(sum x.vhd)
for types in '-s 1 -t 2' '-s 1 -t 0'; do
	# shellcheck disable=SC2086
	run 1 vu convert $types -i x.vhd -o y.vhd
	[ -s "$out" ] || fail "no word about it"
	same "$(sum x.vhd)" "$before" "the image is"
	[ ! -e x.vhd.bak ] || fail "a copy was made"
	[ ! -e y.vhd ] || fail "something was made"
done
cp disk.raw f.raw
run 0 vu convert -s 0 -t 1 -i f.raw -o f.raw
run 1 vu convert -s 2 -t 1 -i f.raw -o y.vhd
run 1 vu convert -s 1 -t 2 -i f.raw -o no/y.vhd
[ -e f.raw ] || fail "f.raw was taken away"
[ ! -e f.raw.bak ] || fail "a copy was made"
run 1 vu convert -s 1 -t 0 -i f.raw -o no/y.raw
run 1 vu convert -s 1 -t 2 -i nope -o y.vhd
run 1 vu convert -s 0 -t 1 -i nope -o y.vhd
before=$(sum f.raw)
vu read --no-progress f.raw | cmp - disk.raw || fail "other bytes"
# A footer that states less than there is would cost the rest.
cp f.raw lies.vhd
python3 - lies.vhd <<'EOF'
import sys
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    foot = bytearray(data[-512:])
    foot[48:56] = (1 << 20).to_bytes(8, "big")
    foot[64:68] = bytes(4)
    foot[64:68] = (~sum(foot) & 0xffffffff).to_bytes(4, "big")
    f.seek(len(data) - 512)
    f.write(foot)
EOF
lies=$(sum lies.vhd)
run 1 vu convert -s 1 -t 0 -i lies.vhd -o lies.raw
grep -q 'would be lost' "$out" || fail "no word about it"
same "$(sum lies.vhd)" "$lies" "the image is"
[ ! -e lies.raw ] || fail "it was renamed"
# Pairs that are none do nothing, and are no failure to the clients.
for types in '-s 0 -t 2' '-s 2 -t 0' '-s 3 -t 2' '-s 1 -t 3' '-s 1 -t 1'; do
	# shellcheck disable=SC2086
	run 0 vu convert $types -i f.raw -o y.vhd
	[ -s "$out" ] || fail "no word about it"
	[ ! -e y.vhd ] || fail "something was made"
	same "$(sum f.raw)" "$before" "the image is"
done
for args in '-i f.raw -o y.vhd -s 1' '-i f.raw -o y.vhd -s 1 -t 4' \
	'-i f.raw -o y.vhd -s x -t 1' '-o y.vhd -s 1 -t 2' \
	'-i f.raw -s 1 -t 2' '-i f.raw -o y.vhd -s 1 -t 2 more'; do
	# shellcheck disable=SC2086
	run 22 vu convert $args
	grep -q usage "$out" || fail "no word about it"
done
# The modern form is what it was.
run 0 vu convert --no-progress disk.raw modern.vhd
