#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where the image's end is gone, readers get EIO, the log a line, and what is
# left is read as before.
. "$(dirname "$0")/functions.sh"

data model 32
for format in vhd vhdx; do
	run 0 vu convert --format $format model disk.$format
	up disk.$format m -r -o log=log
	# All of it read once, so that sizes are remembered.
	timeout 60 dd if=m/disk.raw of=back bs=1M iflag=direct status=none
	same back model
	truncate -s 16M disk.$format
	for size in 4K 64K 512K 1M; do
		said "Input/output error" dd if=m/disk.raw of=/dev/null \
			bs=$size iflag=skip_bytes,direct skip=24M
	done
	[ -s log ] || fail "the log says nothing"
	[ -d "/proc/$daemon" ] || fail "the daemon ended"
	head -c 8M model >start
	dd if=m/disk.raw bs=1M count=8 iflag=direct status=none | cmp - start ||
		fail "the start cannot be read"
	down m
	rm log back
done
