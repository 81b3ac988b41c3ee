#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# "snapshot": which file becomes the parent, what the child records of it, and
# what is refused.
. "$(dirname "$0")/lib.sh"

# The parent's name as the child's header has it.
name_of() {
	python3 - "$1" <<-'EOF'
	import sys
	raw = open(sys.argv[1], 'rb').read(2048)[0x240:0x440]
	print(raw.decode('utf-16-be').rstrip('\0'))
	EOF
}
uuid() { hex "$1" 68 16; }
parent_id() { hex "$1" 552 16; }
parent_is() {
	same "$(parent_id "$1")" "$(uuid "$2")" "its parent has the id"
	same "$(name_of "$1")" "$(basename "$2")" "its parent is called"
	same "$(vu query -n "$1" -p)" "$(readlink -f "$2")" "its parent is"
}
raw_parent_is() {
	same "$(parent_id "$1")" "$(printf '%032d' 0)" "its parent has the id"
	same "$(name_of "$1")" "$(basename "$2")" "its parent is called"
	same "$(vu query -n "$1" -p)" "$(readlink -f "$2")" "its parent is"
}
# CODE SPACE LENGTH OFFSET TEXT, one line for each locator
locators() {
	python3 - "$1" <<-'EOF'
	import struct, sys
	raw = open(sys.argv[1], 'rb').read(16384)
	for i in range(8):
	    code, space, length, zero, off = struct.unpack_from(
	        '>4sIIIQ', raw, 0x440 + 24 * i)
	    if code == bytes(4):
	        continue
	    text = raw[off:off + length].decode(
	        'utf-8' if code == b'MacX' else 'utf-16-le')
	    if raw[off + length:off + space].strip(b'\0'):
	        text += ' (and more)'
	    print(code.decode(), space, length, off, text)
	EOF
}

vu create -n base.vhd -s 16
pattern base.vhd 0 100 base
touch -d '2024-02-03 04:05:06' base.vhd
before=$(sum base.vhd)
run 0 vu snapshot -n s1.vhd -p base.vhd
expect_silent
same "$(sum base.vhd)" "$before" "the parent is"
same "$(bytes_of s1.vhd)" 5120
parent_is s1.vhd base.vhd
same "$(($(be s1.vhd 568 4) + 946684800))" \
	"$(date -d '2024-02-03 04:05:06' +%s)" "the parent's time is"
locators s1.vhd >"$out"
expect_out 'MacX 512 17 3072 file://./base.vhd\nW2ku 512 20 3584 .\\base.vhd\nW2ru 512 20 4096 .\\base.vhd\n'
same "$(be s1.vhd 60 4)" 4 "the type is"
same "$(hex s1.vhd 28 8)" 7461700000010003
same "$(hex s1.vhd 2048 8)" 74646261746d6170
same "$(digest s1.vhd)" "$(digest base.vhd)"
run 0 vu check -n s1.vhd -p
run 0 vu query -n s1.vhd -vadf
expect_out '16\nhidden: 0\nchain depth: 2\n0\n'
if [ -e "$VHD_SAMPLES_DIR/xen/chain-mid.vhd.gz" ]; then
	# Headers as Xen's tool writes them: all but id, times, sums, hidden,
	# and what the table has.
	gzip -dc "$VHD_SAMPLES_DIR/xen/chain-base.vhd.gz" >chain-base.vhd
	gzip -dc "$VHD_SAMPLES_DIR/xen/chain-mid.vhd.gz" | head -c 4608 >want
	vu snapshot -n mid.vhd -p chain-base.vhd
	head -c 4608 mid.vhd >got
	for f in want got; do
		poke $f 24 00000000
		poke $f 64 "$(printf '%044d' 0)"
		poke $f 548 00000000
		poke $f 568 00000000
		poke $f 1536 "$(printf '%064d' 0)"
		poke $f 2072 00000000
		poke $f 2560 00
	done
	same_file got want
fi

# An empty child hands its children on; -e keeps it.
run 0 vu snapshot -n s2.vhd -p s1.vhd
expect_silent
parent_is s2.vhd base.vhd
vu snapshot -n s2e.vhd -p s1.vhd -e
parent_is s2e.vhd s1.vhd
vu snapshot -n s3.vhd -p s2e.vhd
parent_is s3.vhd base.vhd
vu snapshot -n s3e.vhd -e -ps2e.vhd
parent_is s3e.vhd s2e.vhd
same "$(digest s3e.vhd)" "$(digest base.vhd)"
# One that holds something does not, and an empty dynamic disk does neither.
pattern s2e.vhd 5 1 two
vu snapshot -n s4.vhd -p s2e.vhd
parent_is s4.vhd s2e.vhd
vu create -n empty.vhd -s 6
vu snapshot -n of_empty.vhd -p empty.vhd
parent_is of_empty.vhd empty.vhd
vu snapshot -n of_empty2.vhd -p of_empty.vhd
parent_is of_empty2.vhd empty.vhd
# The size is that of the one that was named.
vu snapshot -n grown.vhd -p base.vhd -S 64
run 0 vu resize -n grown.vhd -s 40 -f
vu snapshot -n of_grown.vhd -p grown.vhd
parent_is of_grown.vhd base.vhd
run 0 vu query -n of_grown.vhd -vS
expect_out '40\n40\n'

# A raw parent, of any length, and a VHD that is taken for bytes.
pattern_data 0 16384 raw >raw.img
run 0 vu snapshot -n r1.vhd -p raw.img -m
expect_silent
raw_parent_is r1.vhd raw.img
same "$(digest r1.vhd)" "$(sum raw.img)"
vu snapshot -n r2.vhd -p r1.vhd
raw_parent_is r2.vhd raw.img
run 0 vu query -n r2.vhd -vd
expect_out '8\nchain depth: 2\n'
run 0 vu check -n r2.vhd
for len in 1000 1024 2097151 3000000 8389120; do
	head -c "$len" raw.img >odd.img
	truncate -s "$len" odd.img
	run 0 vu snapshot -n odd.vhd -mp odd.img
	expect_silent
	same "$(be odd.vhd 48 8)" "$len" "the size is"
	same "$(be odd.vhd 540 4)" $(((len + 2097151) / 2097152)) "blocks are"
	head -c $((len / 512 * 512)) odd.img >want
	same "$(digest odd.vhd)" "$(sum want)" "with $len bytes it shows"
	run 0 vu snapshot -n odd2.vhd -p odd.vhd -e
	same "$(be odd2.vhd 48 8)" "$len" "the child's size is"
	run 0 vu snapshot -n odd3.vhd -p odd.vhd
	same "$(be odd3.vhd 48 8)" "$len" "the grandchild's size is"
	raw_parent_is odd3.vhd odd.img
done
vu snapshot -n asbytes.vhd -p base.vhd -m
raw_parent_is asbytes.vhd base.vhd
same "$(be asbytes.vhd 48 8)" "$(bytes_of base.vhd)"
: >nothing.img
run 22 vu snapshot -n x.vhd -p nothing.img -m

# Room for growth is not passed on.
run 0 vu snapshot -n big.vhd -p base.vhd -S 2097152
same "$(bytes_of big.vhd)" 4329472
run 0 vu query -n big.vhd -vsS
expect_out '16\n4329472\n2097152\n'
run 0 vu check -n big.vhd
pattern big.vhd 0 1 big
vu snapshot -n of_big.vhd -p big.vhd
parent_is of_big.vhd big.vhd
run 0 vu query -n of_big.vhd -sS
expect_out '5120\n16\n'
run 22 vu snapshot -n x.vhd -p base.vhd -S 14
expect_silent
[ ! -e x.vhd ] || fail "an image was made"

# How deep a chain may become.
pattern s4.vhd 6 1 four
run 0 vu query -n s4.vhd -d
expect_out 'chain depth: 4\n'
run 28 vu snapshot -n x.vhd -p s4.vhd -l 4
expect_out 'snapshot depth exceeded: current depth: 4, limit: 4\n'
[ ! -e x.vhd ] || fail "an image was made"
run 0 vu snapshot -n x.vhd -p s4.vhd -l 5
expect_silent
run 28 vu snapshot -n y.vhd -p x.vhd -el5
expect_first 'snapshot depth exceeded: current depth: 5, limit: 5'
# Of the one that becomes the parent.
run 0 vu snapshot -n y.vhd -p x.vhd -l 5
parent_is y.vhd s4.vhd
run 0 vu snapshot -n y.vhd -p s4.vhd -l 0
run 0 vu snapshot -n y.vhd -p raw.img -m -l 0
run 0 vu snapshot -n y.vhd -p r2.vhd -l 1
mv base.vhd away.vhd
run 2 vu snapshot -n z.vhd -p s4.vhd -l 9
expect_out 'error checking snapshot depth: -2\n'
[ ! -e z.vhd ] || fail "an image was made"
run 0 vu snapshot -n z.vhd -p s4.vhd
expect_silent
run 2 vu snapshot -n z2.vhd -p s1.vhd
expect_silent
mv away.vhd base.vhd

# The key's hash goes along, also over an empty parent.
vu create -n k.vhd -s 4
run 0 vu key -s -n k.vhd -H "$(printf '%064d' 12)" -N "$(printf '%064d' 34)"
vu snapshot -n k2.vhd -p k.vhd
same "$(vu key -p -n k2.vhd)" "$(vu key -p -n k.vhd)"
vu snapshot -n k3.vhd -p k2.vhd
same "$(vu key -p -n k3.vhd)" "$(printf '%064d %064d' 34 12)"
parent_is k3.vhd k.vhd
vu snapshot -n k4.vhd -p k2.vhd -e
same "$(vu key -p -n k4.vhd)" "$(printf '%064d %064d' 34 12)"
run 0 vu key -p -n s1.vhd
expect_out 'none\n'

# Names: links are followed, from the working directory, and recorded from the
# child's.
mkdir -p sub/deep other
ln -s ../../base.vhd sub/deep/link.vhd
run 0 vu snapshot -n other/c.vhd -p sub/deep/link.vhd
parent_is other/c.vhd base.vhd
locators other/c.vhd >"$out"
expect_line 'W2ru 512 22 4096 ..\base.vhd'
(cd sub && vu snapshot -n deep/c.vhd -p ../base.vhd)
parent_is sub/deep/c.vhd base.vhd
same "$(digest sub/deep/c.vhd)" "$(digest base.vhd)"
run 0 vu snapshot -n "$T/abs.vhd" -p "$T/base.vhd"
parent_is abs.vhd base.vhd
locators abs.vhd >"$out"
expect_first 'MacX 512 17 3072 file://./base.vhd'
ln -s "$T/sub/target.vhd" there.vhd
run 0 vu snapshot -n there.vhd -p base.vhd
[ -L there.vhd ] || fail "the link is gone"
parent_is sub/target.vhd base.vhd
same "$(digest sub/target.vhd)" "$(digest base.vhd)"
long=$(printf '%0200d' 7).vhd
cp base.vhd "$long"
run 0 vu snapshot -n l.vhd -p "$long"
parent_is l.vhd "$long"
# Three names of one sector each, or as many as they need.
same "$(bytes_of l.vhd)" 5120
cp base.vhd "$(printf 'Schn\303\244ppchen.vhd')"
run 0 vu snapshot -n u.vhd -p "$(printf 'Schn\303\244ppchen.vhd')"
same "$(digest u.vhd)" "$(digest base.vhd)"

# What is there is replaced, but nothing that the snapshot would depend on.
echo old >old.vhd
run 0 vu snapshot -n old.vhd -p base.vhd
expect_silent
parent_is old.vhd base.vhd
ln base.vhd second.vhd
ln -s base.vhd third.vhd
before=$(sum base.vhd)
for name in base.vhd ./base.vhd second.vhd third.vhd "$T/base.vhd"; do
	for parent in base.vhd s1.vhd s4.vhd; do
		run 22 vu snapshot -n "$name" -p "$parent"
		expect_out ''
		same "$(sum base.vhd)" "$before" "the parent is"
	done
	run 22 vu snapshot -n "$name" -p base.vhd -m
done
run 22 vu snapshot -n s4.vhd -p s4.vhd -e
run 22 vu snapshot -n s2e.vhd -p s4.vhd

# Nothing to be had; nothing is left behind, and what was there stays.
before=$(sum s4.vhd)
run 2 vu snapshot -n s4.vhd -p nope.vhd
expect_silent
same "$(sum s4.vhd)" "$before" "the old image is"
echo 'no image' >junk
run 22 vu snapshot -n s4.vhd -p junk
same "$(sum s4.vhd)" "$before" "the old image is"
run 2 vu snapshot -n no/x.vhd -p base.vhd
expect_out ''
expect_err 'no/x.vhd: failed to create: -2\n'
run 21 vu snapshot -n other -p base.vhd
expect_err 'other: failed to create: -21\n'
cp base.vhd poisoned.vhd
poke poisoned.vhd 0 765f706f69736f6e
poke poisoned.vhd $(($(bytes_of base.vhd) - 512)) 765f706f69736f6e
run 22 vu snapshot -n p.vhd -p poisoned.vhd
[ ! -e p.vhd ] || fail "an image was made"
for args in '-n q.vhd' '-p base.vhd' '-n q.vhd -p base.vhd more' \
	'-n q.vhd -p base.vhd -S abc' '-n q.vhd -p base.vhd -S 2097153' \
	'-n q.vhd -p base.vhd -l x' '-n q.vhd -p base.vhd -z'; do
	# shellcheck disable=SC2086
	run 22 vu snapshot $args
	[ -s "$out" ] || fail "no word about it"
	[ ! -e q.vhd ] || fail "an image was made"
done
run 0 vu snapshot -n q.vhd -h
grep -q usage "$out" || fail "-h says nothing"
same "$(find . -name '*.tmp' -o -name '.vhd-*')" ""
