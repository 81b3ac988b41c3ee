#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# preallocate.sh FORMAT
#
# Preallocated space is the image's before it is written, and reads as zeros.
. "$(dirname "$0")/functions.sh"

requires fallocate
run 0 vu create --size 64M "disk.$1"
up "disk.$1" m
run 0 timeout 60 fallocate -n -o $((4 << 20)) -l $((20 << 20)) m/disk.raw
[ "$(allocated "disk.$1")" -ge 20480 ] ||
	fail "the image takes $(allocated "disk.$1") KiB"
head -c 64M /dev/zero | cmp - m/disk.raw || fail "not zeros"
down m
run 0 vu check --quiet "disk.$1"
