#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One SIGINT or SIGTERM ends a conversion that waits for the reader of a pipe.
. "$(dirname "$0")/functions.sh"

requires mkfifo
head -c 8M /dev/urandom >disk.raw
mkfifo pipe
# Open at both ends, and never read: the pipe fills and the program waits.
exec 3<>pipe
for signal in INT TERM HUP; do
	signalled "$signal" "$VHD_UTIL" convert disk.raw - >&3 2>"$err"
	[ $got -eq 130 ] || fail "status $got after SIG$signal"
	err_has "vhd-util convert: cancelled"
done
only disk.raw pipe
