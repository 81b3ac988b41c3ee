#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each fsync of a client reaches the image file; a close does not.
. "$(dirname "$0")/functions.sh"

requires strace
for format in vhd vhdx; do
	run 0 vu create --type fixed --size 16M disk.$format
	up disk.$format m
	strace -f -q -e trace=fsync,fdatasync -p "$daemon" -o trace 2>log &
	tracer=$!
	traced() { grep -q "^TracerPid:[[:space:]]*[1-9]" \
		/proc/"$daemon"/task/*/status; }
	eventually traced
	echo first >line
	poke line m/disk.raw 0 conv=notrunc,fsync
	flushes() { grep -c 'sync(' trace || true; }
	before=$(flushes)
	[ "$before" -ge 1 ] || fail "a flush was not seen"
	for n in $(seq 20); do
		echo "$n" >line
		poke line m/disk.raw $((n * 65536)) conv=notrunc
	done
	[ "$(flushes)" -eq "$before" ] || fail "closing a file flushes"
	for n in $(seq 20); do
		poke line m/disk.raw $((n * 65536)) conv=notrunc,fsync
	done
	[ $(($(flushes) - before)) -ge 20 ] ||
		fail "$(($(flushes) - before)) flushes for 20 of a client"
	kill "$tracer"
	wait "$tracer" 2>/dev/null || true
	down m
	rm trace
done
