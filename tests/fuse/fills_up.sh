#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Who writes without end is told where the disk ends, as on a block device.
. "$(dirname "$0")/functions.sh"

for format in vhd vhdx; do
	run 0 vu create --size 24M disk.$format
	up disk.$format m
	said "No space left on device" dd if=/dev/zero of=m/disk.raw bs=1M \
		conv=notrunc
	[ "$(stat -c %s m/disk.raw)" -eq $((24 << 20)) ] || fail "it has grown"
	# Others see at once what went past the cache.
	data more 1
	run 0 cat m/disk.raw
	poke more m/disk.raw 4096
	run 0 cmp -n "$(stat -c %s more)" -i 4096:0 m/disk.raw more
	down m
done
