#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A layer that others may not read is not read through a snapshot or an overlay
# of it, and what is written to them is as private.
. "$(dirname "$0")/functions.sh"

user_ready
umask 022
for format in vhd vhdx; do
	run 0 vu create --size 16M disk.$format
	chmod 600 disk.$format
	up disk.$format m --snapshot -o allow_other
	said "Permission denied" setpriv --reuid=65534 \
		--regid=65534 --clear-groups cat m/disk.raw
	down m
	up disk.$format m -o overlay=over.$format,allow_other
	[ "$(stat -c %a over.$format)" = 600 ] || fail "the overlay is open"
	said "Permission denied" setpriv --reuid=65534 \
		--regid=65534 --clear-groups cat m/disk.raw
	down m
	# The child may be read, its parent not.
	chmod 644 over.$format
	up over.$format m -r -o allow_other
	said "Permission denied" setpriv --reuid=65534 \
		--regid=65534 --clear-groups cat m/disk.raw
	down m
done
