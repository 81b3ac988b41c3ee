#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A signal ends a write that waits for a pipe; the image is sound, and holds what
# came.
. "$(dirname "$0")/functions.sh"

requires mkfifo
noise 3000000 >data
# What does not fit into the pipe was read.
begun() {
	step=0
	until ! is_running "$feeder" || [ $step -ge 1200 ]; do
		step=$((step + 1))
		sleep 0.05
	done
	sleep 0.5
}
for f in a.vhd a.vhdx; do
	run 0 vu create --size 16M $f
	for signal in INT TERM HUP; do
		mkfifo pipe
		exec 3<>pipe
		cat data >&3 &
		feeder=$!
		signalled "$signal" "$VHD_UTIL" write $f <&3 >"$out" 2>"$err"
		exec 3>&-
		# It can read its pipe itself, and would wait for room for ever.
		kill "$feeder" 2>/dev/null || true
		wait
		rm pipe
		[ $got -eq 130 ] || fail "status $got after SIG$signal"
		err_has "vhd-util write: cancelled"
		run 0 vu check --quiet $f
		vu read --length 2M $f | cmp -n 2097152 - data ||
			fail "what came is not there"
	done
done
