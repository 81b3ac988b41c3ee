#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Mounted on a file, that file is the disk: its size is right at once, programs
# work on it, and it may be the image itself.
. "$(dirname "$0")/functions.sh"

requires mkfs.ext4 e2fsck
for format in vhd vhdx; do
	run 0 vu create --size 64M disk.$format
	: >disk
	up disk.$format disk
	[ "$(stat -c %s disk)" -eq 67108864 ] || fail "size $(stat -c %s disk)"
	[ "$(wc -c <disk)" -eq 67108864 ] || fail "its length"
	run 0 timeout 60 mkfs.ext4 -q disk
	mkdir ext
	mount -t ext4 -o loop disk ext
	data ext/file 4
	cp ext/file model
	umount ext
	eventually e2fsck -fn disk
	poke model disk $((60 << 20))
	down disk
	[ "$(stat -c %s disk)" -eq 0 ] || fail "the file below changed"

	# Over itself.
	up disk.$format disk.$format
	[ "$(stat -c %s disk.$format)" -eq 67108864 ] || fail "not its disk"
	dd if=disk.$format bs=1M skip=60 status=none | cmp - model ||
		fail "not its bytes"
	poke model disk.$format $((50 << 20)) conv=notrunc,fsync
	down disk.$format
	run 0 vu check --quiet disk.$format
	run 0 vu read --offset 50M --length 4M --output back disk.$format
	same back model
	rm -r back ext

	# Read only, a disk of an odd size.
	raw_disk odd
	run 0 vu convert --format $format odd odd.$format
	up odd.$format disk -r
	starts_with disk odd
	down disk
	rm odd odd.$format
done
