#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Any number of threads serves.
. "$(dirname "$0")/functions.sh"

data model 16
run 0 vu convert --format vhdx model disk.vhdx
for options in threads=1 threads=2 threads=64 cache=none cache=normal; do
	up disk.vhdx m -o $options
	same m/disk.raw model
	cat m/disk.raw >/dev/null &
	one=$!
	cmp m/disk.raw model &
	two=$!
	poke model m/disk.raw 0
	wait $one
	wait $two || fail "$options"
	same m/disk.raw model
	down m
done
