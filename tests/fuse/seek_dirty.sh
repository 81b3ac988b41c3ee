#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What a program has written and the kernel not yet sent is no hole to another:
# cp finds it.
. "$(dirname "$0")/functions.sh"

data more 1
for format in vhd vhdx; do
	run 0 vu create --size 64M disk.$format
	up disk.$format m
	exec 3<>m/disk.raw
	cat more >&3
	run 0 timeout 60 cp --sparse=auto m/disk.raw copy
	run 0 cmp -n "$(stat -c %s more)" copy more
	exec 3>&-
	run 0 timeout 60 cp --sparse=auto m/disk.raw copy
	run 0 cmp -n "$(stat -c %s more)" copy more
	down m
	rm copy
done
