#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where what the image lies on goes away, readers and writers get EIO, the log a
# line, and the daemon stays until it is asked to end.
. "$(dirname "$0")/functions.sh"

# The image lies on a mount of its own, whose daemon is killed.
data model 32
for format in vhd vhdx; do
	run 0 vu convert --format $format model disk.$format
	: >image
	up disk.$format image -o format=raw,cache=none
	below=$daemon
	up image m -o log=log
	timeout 120 dd if=m/disk.raw of=/dev/null bs=1M count=1 status=none
	kill -KILL "$below"
	ended "$below"
	for size in 4K 1M; do
		said "Input/output error" dd if=m/disk.raw of=/dev/null \
			bs=$size iflag=skip_bytes,direct skip=24M
	done
	said "Input/output error" dd if=model of=m/disk.raw bs=64K count=1 \
		seek=300 oflag=direct conv=notrunc
	grep -q "read.* failed" log || fail "the log has no failed read"
	grep -q "write.* failed\|flush.* failed" log || sleep 1
	[ -d "/proc/$daemon" ] || fail "the daemon ended"
	[ "$(stat -c %s m/disk.raw)" -eq 33554432 ] || fail "the disk's size"
	got=0
	vf -u m >"$out" 2>"$err" || got=$?
	ended "$daemon"
	not_mounted m || fail "still mounted"
	umount image
	run 0 vu check --quiet disk.$format
	rm log
done
