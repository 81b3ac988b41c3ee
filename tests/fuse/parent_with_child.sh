#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A parent is not mounted for writing while a child of it is known.
. "$(dirname "$0")/functions.sh"

mkdir m
for format in vhd vhdx; do
	data model 8
	run 0 vu convert --format $format model base.$format
	run 0 vu create --parent base.$format child.$format
	hash=$(content base.$format)
	for how in "" "-o rw"; do
		# shellcheck disable=SC2086
		run 1 vf base.$format m $how
		refused
		err_has "child.$format"
		err_has "hint: "
	done
	up base.$format m -r
	same m/disk.raw model
	down m
	up base.$format m --snapshot
	echo x | poke /dev/stdin m/disk.raw 0
	down m
	[ "$(content base.$format)" = "$hash" ] || fail "the parent changed"

	run 0 vf base.$format m -o write-parent
	out_empty
	err_has "child.$format"
	daemon=$(pgrep -n -x vhdfuse)
	echo x | poke /dev/stdin m/disk.raw 0
	down m
	[ "$(content base.$format)" != "$hash" ] || fail "nothing was written"
	rm child.$format
	up base.$format m
	down m
done
