#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compact on a disk that is full, from any moment on: the image stays sound and
# shows what it showed, and the same command finishes the work when there is room.
. "$(dirname "$0")/functions.sh"
requires strace
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

# What may take room of the file system's.
calls=pwrite64,pwritev,pwritev2,copy_file_range,ioctl

# full N IMAGE: there is no room from the Nth such call on.
full() {
	status=0
	strace -f -qq -o trace -E ASAN_OPTIONS=detect_leaks=0 \
		-e inject="$calls:error=ENOSPC:when=$1+" "$VHD_UTIL" compact \
		--no-fs --zero-scan --json --no-progress "$2" >"$out" 2>"$err" ||
		status=$?
}

noise 9000000 >data
for f in vhd vhdx; do
	run 0 vu create --size 32M --block-size 1M made.$f
	run 0 vu write --offset 1M made.$f data
	run 0 vu write --offset 21M made.$f data
	head -c 5M /dev/zero >zeros
	run 0 vu write --offset 2M made.$f zeros
	run 0 vu convert --force --format raw made.$f want.raw
	stopped=0
	for n in 1 2 4 7 11 16 23; do
		cp made.$f now.$f
		full $n now.$f
		if [ $status -ne 0 ]; then
			stopped=$((stopped + 1))
			one_sentence compact
			err_has "No space left"
			err_has "make a little room"
		fi
		run 0 vu check --quiet now.$f
		run 0 vu compare now.$f want.raw
		run 0 vu compact --no-fs --zero-scan now.$f
		run 0 vu check --quiet now.$f
		run 0 vu compare now.$f want.raw
		[ "$(stat -c %s now.$f)" -le $((17 << 20)) ] ||
			fail "now.$f has $(stat -c %s now.$f) bytes"
	done
	[ $stopped -gt 3 ] || fail "$f: stopped $stopped times only"
done
