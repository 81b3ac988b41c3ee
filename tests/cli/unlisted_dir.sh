#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A folder that may be written to but not listed takes every kind of target.
. "$(dirname "$0")/functions.sh"

as=
if [ "$(id -u)" -eq 0 ]; then
	requires setpriv
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	chmod 755 "$T"
	$as "$VHD_UTIL" --version >/dev/null 2>&1 ||
		skip "another user cannot run the program"
fi
raw_disk disk.raw
chmod 644 disk.raw
mkdir box
chmod 733 box
[ -n "$as" ] || chmod 333 box

# made NAME ARG...
made() {
	name=$1
	shift
	# shellcheck disable=SC2086
	run 0 $as "$VHD_UTIL" convert "$@" disk.raw "box/$name"
	silent
	# shellcheck disable=SC2086
	run 0 $as "$VHD_UTIL" convert --force "$@" disk.raw "box/$name"
	silent
}
made a.vhdx --sync
made a.vhdx.gz --sync
made a.raw.gz
chmod 755 box
run 0 vu convert box/a.vhdx.gz back.raw
starts_with back.raw disk.raw
[ "$(find box -mindepth 1 | wc -l)" -eq 3 ] || fail "something was left"
