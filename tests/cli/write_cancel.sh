#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A signal ends a write that waits for a pipe; the image is sound, and holds what
# came.
. "$(dirname "$0")/functions.sh"

requires timeout mkfifo
noise 3000000 >data
for f in a.vhd a.vhdx; do
	run 0 vu create --size 16M $f
	for signal in INT TERM HUP; do
		mkfifo pipe
		exec 3<>pipe
		cat data >&3 &
		got=0
		timeout --foreground --preserve-status -k 20 -s $signal 1 \
			"$VHD_UTIL" write $f <&3 >"$out" 2>"$err" || got=$?
		exec 3>&-
		wait
		rm pipe
		[ $got -eq 130 ] || fail "status $got after SIG$signal"
		err_has "vhd-util write: cancelled"
		run 0 vu check --quiet $f
		vu read --length 2M $f | cmp -n 2097152 - data ||
			fail "what came is not there"
	done
done
