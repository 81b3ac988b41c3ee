#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where a killed daemon left a dead mount, the next mount takes its place, and
# what was synced is there.
. "$(dirname "$0")/functions.sh"

data more 4
for format in vhd vhdx; do
	for point in dir file; do
		run 0 vu create --force --size 64M disk.$format
		rm -rf m
		disk=m/disk.raw
		[ $point = dir ] || { : >m; disk=m; }
		up disk.$format m
		poke more $disk 4096 conv=notrunc,fsync
		kill -KILL "$daemon"
		ended "$daemon"
		is_mounted m || fail "the mount went with the process"
		said "not connected" cat $disk
		up disk.$format m
		dd if=$disk bs=4096 skip=1 count=$((4 << 20)) status=none \
			iflag=count_bytes | cmp - more || fail "it is lost"
		down m
		run 0 vu check --quiet disk.$format
	done
done
