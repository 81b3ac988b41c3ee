#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# compact.sh KIND
#
# Blocks that compacting moves inside their file are shared with their old place
# for a moment, and not copied.
. "$(dirname "$0")/functions.sh"
requires strace
strace -f -qq -o "$T/trace" true 2>/dev/null || skip_host "strace may not trace"

share_fs "$1" 2G
dense src.raw 64

# packed IMAGE: half of it is zeros now, and goes.
packed() {
	run 0 vu write --zero --offset 0 --length 32M "$1"
	run 0 vu convert --format raw --no-sync "$1" model.raw
	before=$(bytes_of "$1")
	settle
	run 0 strace -f -qq -o "$T/trace" -E ASAN_OPTIONS=detect_leaks=0 \
		-e trace=ioctl "$VHD_UTIL" compact --no-progress "$1"
	[ "$(bytes_of "$1")" -lt $((before * 2 / 3)) ] ||
		fail "$1 has $(bytes_of "$1") bytes, and had $before"
	grep -q 'FICLONERANGE.* = 0' "$T/trace" || fail "$1: nothing was shared"
	sound "$1"
	run 0 vu compare "$1" model.raw
	rm model.raw
}

run 0 vu convert --block-size 1M --no-progress src.raw a.vhdx
packed a.vhdx
run 0 vu convert --no-progress src.raw a.vhd
packed a.vhd
