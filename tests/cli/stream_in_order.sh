#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A stream whose blocks come in any order, and whose table lies where it likes.
#
# shellcheck disable=SC2002
# A file at standard input would be opened as one.
. "$(dirname "$0")/functions.sh"

requires python3 timeout
# What waits for more than there is must not wait for ever.
vu() {
	timeout 100 "$VHD_UTIL" "$@"
}
pipe() {
	want=$1 file=$2
	shift 2
	last="cat $file | $*"
	got=0
	cat "$file" | "$@" >"$out" 2>"$err" || got=$?
	[ "$got" -eq "$want" ] || fail "exit status $got, not $want"
}

head -c 3000000 /dev/urandom >piece
for format in vhd vhdx; do
	run 0 vu create --block-size 2M --size 200M back.$format
	for at in 150 90 91 40 20 21 5 0; do
		run 0 vu write --offset ${at}M back.$format piece
	done
	run 0 vu convert back.$format want.raw
	for dst in o.raw o.vhd o.vhdx; do
		pipe 0 back.$format vu convert --no-spool - $dst
		run 0 vu compare want.raw $dst
		rm $dst
	done
	# Whoever wants it front to back gets it, but not in one pass.
	pipe 0 back.$format vu convert - -
	err_has "do not come in the order of the disk"
	same "$out" want.raw
	pipe 1 back.$format vu convert --no-spool - -
	err_has "may not be stored"
	rm back.$format want.raw
done

# A table behind the payload: the disk was made larger.
run 0 vu create --block-size 1M --size 64M late.vhdx
run 0 vu write --offset 10M late.vhdx piece
run 0 vu write --offset 2M late.vhdx piece
run 0 vu resize late.vhdx 2T
run 0 vu write --offset 1T late.vhdx piece
pipe 0 late.vhdx vu convert - o.vhdx
run 0 vu compare late.vhdx o.vhdx

# Blocks with holes in their bitmaps, also larger than a page of them.
for size in 512K 2M 64M; do
	run 0 vu create --block-size $size --size 300M holes.vhd
	for at in 0 3 17 40 41 77 200 299; do
		run 0 vu write --length 70000 --offset ${at}M holes.vhd piece
	done
	run 0 vu convert holes.vhd want.raw
	pipe 0 holes.vhd vu convert --no-spool - o.raw
	cmp want.raw o.raw || fail "block size $size"
	pipe 0 holes.vhd vu convert - -
	same "$out" want.raw
	rm holes.vhd want.raw o.raw
done
