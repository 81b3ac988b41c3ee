#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# When vhdfuse -u returns, the image is closed: a writer may have it at once,
# whether it was mounted to be written or to be read.
. "$(dirname "$0")/functions.sh"

seq 100 >text
for format in vhd vhdx; do
	run 0 vu create --size 64M disk.$format
	for n in $(seq 15); do
		up disk.$format m -r
		run 0 vf -u m
		run 0 vu write disk.$format text
		up disk.$format m
		poke text m/disk.raw "$n"
		run 0 vf -u m
		run 0 vu write disk.$format text
	done
done
