#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One SIGINT or SIGTERM ends a conversion that waits for the reader of a pipe.
. "$(dirname "$0")/functions.sh"

requires timeout mkfifo
head -c 8M /dev/urandom >disk.raw
mkfifo pipe
# Open at both ends, and never read: the pipe fills and the program waits.
exec 3<>pipe
for signal in INT TERM HUP; do
	# Had it to be killed, the status would be 137.
	got=0
	timeout --preserve-status -k 20 -s $signal 1 "$VHD_UTIL" convert \
		disk.raw - >&3 2>"$err" || got=$?
	[ $got -eq 130 ] || fail "status $got after SIG$signal"
	err_has "vhd-util convert: cancelled"
done
only disk.raw pipe
