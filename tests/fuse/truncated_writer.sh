#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The same under a writer: errors where the file ends, and no process that falls.
. "$(dirname "$0")/functions.sh"

data model 32
for format in vhd vhdx; do
	run 0 vu convert --format $format model disk.$format
	up disk.$format m -o log=log
	truncate -s 1M disk.$format
	said "Input/output error" dd if=m/disk.raw of=/dev/null bs=1M \
		iflag=skip_bytes,direct skip=24M
	dd if=model of=m/disk.raw bs=64K seek=100 count=10 oflag=direct \
		conv=notrunc 2>/dev/null || true
	[ -s log ] || fail "the log says nothing"
	[ -d "/proc/$daemon" ] || fail "the daemon ended"
	run 0 timeout 120 stat m/disk.raw
	got=0
	vf -u m >"$out" 2>"$err" || got=$?
	ended "$daemon"
	not_mounted m || fail "still mounted"
	rm log
done
