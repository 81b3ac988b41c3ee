#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image in use is refused, by us and to us.
. "$(dirname "$0")/functions.sh"

requires qemu-io
mkdir m
for format in vhd vhdx; do
	run 0 vu create --size 64M disk.$format
	up disk.$format first
	for how in "" -r --snapshot "-o overlay=new.$format"; do
		# shellcheck disable=SC2086
		run 1 vf disk.$format m $how
		head -n 1 "$err" | grep -q "^vhdfuse: " || fail "who says so?"
		[ "$(wc -l <"$err")" -le 2 ] || fail "the message is too long"
		not_mounted m || fail "it is mounted twice"
		absent new.$format
	done
	run 1 vu write disk.$format /dev/null
	down first

	# Readers keep a writer out, and let other readers in.
	up disk.$format first -r
	run 1 vf disk.$format m -o rw
	not_mounted m || fail "it is written under a reader"
	first=$daemon
	up disk.$format m -r
	down m
	daemon=$first
	down first
done

qemu_holds vhdx disk.vhdx write
run 1 vu info disk.vhdx
run 1 vf disk.vhdx m
refused
qemu_lets_go
up disk.vhdx m
run 1 timeout 120 qemu-io -f vhdx -c "read 0 512" disk.vhdx
down m
