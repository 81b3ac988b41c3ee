#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A read-only disk: no writing, of any kind, and the image keeps its bytes.
. "$(dirname "$0")/functions.sh"

requires fallocate
data model 8
for format in vhd vhdx; do
	run 0 vu convert --format $format model disk.$format
	hash=$(content disk.$format)
	time=$(stat -c %Y.%y disk.$format)
	for how in "-r" "-o ro"; do
		# shellcheck disable=SC2086
		up disk.$format m $how
		same m/disk.raw model
		ro="Read-only file system"
		said "$ro" dd if=/dev/zero of=m/disk.raw count=1 conv=notrunc
		said "$ro" truncate -s 0 m/disk.raw
		said "$ro" fallocate -p -l 4096 m/disk.raw
		said "$ro" touch m/new
		said "$ro" rm m/disk.raw
		# Any number of readers may be there.
		mkdir second
		run 0 vf -r disk.$format second
		run 0 vf -u second
		rmdir second
		down m
	done
	[ "$(content disk.$format)" = "$hash" ] || fail "the image changed"
	[ "$(stat -c %Y.%y disk.$format)" = "$time" ] || fail "its time, too"
done
