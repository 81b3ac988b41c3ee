#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Large reads are spliced: two calls for each, no memory mapped, for a user
# without any rights as well.
. "$(dirname "$0")/functions.sh"

requires strace
user_ready
data model 32
chmod 644 model
# The calls of half a request each, 512 KiB, and not more than a few others.
spliced() {
	strace -f -q -e trace=splice,mmap,munmap -p "$daemon" -o trace \
		2>strace.log &
	tracer=$!
	traced() { grep -q "^TracerPid:[[:space:]]*[1-9]" \
		"/proc/$daemon/task"/*/status; }
	eventually traced
	# From the tenth MiB on: pipes and buffers are there already.
	$AS dd if=m/disk.raw of=/dev/null bs=1M skip=10 count=20 iflag=direct \
		status=none
	kill "$tracer"
	wait "$tracer" 2>/dev/null || true
	splices=$(grep -c 'splice(' trace || true)
	maps=$(grep -c 'map(' trace || true)
	if [ "$splices" -lt 80 ] || [ "$splices" -gt 100 ]; then
		fail "$splices splices for 40 requests"
	fi
	# Threads that join get buffers; a reply that fits no pipe maps one, and
	# unmaps it, each time.
	[ "$maps" -lt 40 ] || fail "memory was mapped $maps times"
	rm trace
}
for format in vhd vhdx; do
	run 0 vu convert --format $format model disk.$format
	chown 65534 disk.$format
	for AS in "" as_user; do
		rm -rf m
		$AS mkdir m
		up disk.$format m
		$AS dd if=m/disk.raw bs=1M iflag=direct status=none |
			cmp - model || fail "it reads something else"
		spliced
		down m
	done
done
