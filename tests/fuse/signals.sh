#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# TERM, INT and HUP end an idle daemon: unmounted, closed in order, all there.
. "$(dirname "$0")/functions.sh"

data more 4
for format in vhd vhdx; do
	for signal in TERM INT HUP; do
		run 0 vu create --force --size 64M disk.$format
		up disk.$format m
		poke more m/disk.raw 12345
		kill -$signal "$daemon"
		ended "$daemon"
		not_mounted m || fail "still mounted"
		run 0 vu check --quiet disk.$format
		silent
		run 0 vu read --offset 12345 --length "$(stat -c %s more)" \
			--output back disk.$format
		same back more
		rm back
	done
done
