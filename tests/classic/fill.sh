#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# "fill": blocks get their space, and the disk shows what it showed.
. "$(dirname "$0")/lib.sh"

vu create -n a.vhd -s 9
pattern a.vhd 4090 10 two
disk=$(digest a.vhd)
run 0 vu fill -n a.vhd
expect_silent
run 0 vu query -n a.vhd -va
expect_out '10\n5\n'
same "$(vu read -n a.vhd -B | od -An -tx1 | tr -d ' \n')" f8 "the blocks are"
same "$(digest a.vhd)" "$disk"
run 0 vu check -n a.vhd
for block in 0 2 4; do
	run 0 vu read -n a.vhd -i $((block * 4096 + 7)) -c 2
	expect_out "block $block: sec: 7: 1\\nblock $block: sec: 8: 1\\n"
done

# Some blocks only, and no repair is needed afterwards; what is there stays.
vu create -n b.vhd -s 16
pattern b.vhd 8200 4 old
disk=$(digest b.vhd)
at=$(vu read -n b.vhd -b 2)
run 0 vu fill -n b.vhd -b -f 4100 -t 12288
expect_silent
same "$(vu read -n b.vhd -B | od -An -tx1 | tr -d ' \n')" 70 "the blocks are"
same "$(vu read -n b.vhd -b 2)" "$at"
same "$(digest b.vhd)" "$disk"
run 0 vu check -n b.vhd
run 0 vu fill -bBn b.vhd -f 28672
same "$(vu read -n b.vhd -B | od -An -tx1 | tr -d ' \n')" 71 "the blocks are"
run 0 vu check -n b.vhd

# Zeros take no space, however many there are.
vu create -n h.vhd -s 20000
run 0 vu fill -n h.vhd -b
run 0 vu query -n h.vhd -a
expect_out '10000\n'
[ "$(stat -c %b h.vhd)" -lt 400000 ] || fail "the zeros take space"
run 0 vu check -n h.vhd -B

# A child holds what its parent shows.
vu snapshot -n c.vhd -p b.vhd
pattern c.vhd 0 1 new
disk=$(digest c.vhd)
run 0 vu fill -n c.vhd
run 0 vu query -n c.vhd -a
expect_out '8\n'
same "$(digest c.vhd)" "$disk"
vu read --no-progress --offset 4M --length 2M b.vhd >want
run 0 vu read -n c.vhd -d 2
same_file "$out" want

before=$(sum b.vhd)
run 34 vu fill -n b.vhd -b -f 0 -t 32768
expect_out 'sector 32768 past end of file\n'
run 22 vu fill -n b.vhd -b -f 9 -t 8
run 22 vu fill -n b.vhd -b -f x
run 22 vu fill -n b.vhd -f 1
run 22 vu fill -n b.vhd -B
run 22 vu fill -n b.vhd more
run 22 vu fill
run 22 vu fill -n b.vhd -z
same "$(sum b.vhd)" "$before" "the image is"
run 2 vu fill -n nope.vhd
expect_out 'error opening nope.vhd: -2\n'
if as_nobody; then
	mkdir shut
	vu create -n shut/a.vhd -s 4
	before=$(sum shut/a.vhd)
	for mode in 444 0; do
		chmod $mode shut/a.vhd
		for args in '' -b; do
			# shellcheck disable=SC2086
			run 13 $as "$VHD_UTIL" fill -n shut/a.vhd $args
			expect_out 'error opening shut/a.vhd: -13\n'
			expect_err ''
		done
	done
	chmod 644 shut/a.vhd
	same "$(sum shut/a.vhd)" "$before" "the image is"
fi
vu create -n f.vhd -r -s 2
run 22 vu fill -n f.vhd
vu create -n k.vhd -s 4
vu key -s -n k.vhd -H "$(printf '%064d' 1)"
run 22 vu fill -n k.vhd
