#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Streams that end early: readers that go away, full disks, signals.
. "$(dirname "$0")/functions.sh"

requires mkfifo
head -c 24M /dev/urandom >disk.raw
truncate -s 64M disk.raw
for format in raw vhd vhdx; do
	for more in "" --compress; do
		# A reader that stops early ends the program without a message.
		vu convert $more --format $format disk.raw - 2>"$err" |
			head -c 1000 >/dev/null
		err_empty
		# A full disk is reported.
		[ -c /dev/full ] || continue
		got=0
		vu convert $more --format $format disk.raw - >/dev/full \
			2>"$err" || got=$?
		[ $got -eq 1 ] || fail "status $got with a full disk"
		one_sentence convert
		err_lacks "hint:"
	done
done

# A pipe that nobody reads: one signal is enough.
mkfifo pipe
exec 3<>pipe
for format in raw vhd vhdx; do
	for more in "" --compress; do
		# shellcheck disable=SC2086
		signalled INT "$VHD_UTIL" convert $more --format $format \
			disk.raw - >&3 2>"$err"
		[ $got -eq 130 ] || fail "status $got after SIGINT"
		err_has "vhd-util convert: cancelled"
	done
done
only disk.raw pipe

# A gzip file that is not finished is not there: too large, or a signal.
got=0
(
	ulimit -f 2048
	trap '' XFSZ
	exec "$VHD_UTIL" convert disk.raw big.raw.gz
) >"$out" 2>"$err" || got=$?
[ $got -eq 1 ] || fail "status $got for a file that may not be so large"
one_sentence convert
only disk.raw pipe
head -c 200M /dev/urandom >disk.raw
for signal in INT TERM; do
	signalled "$signal" "$VHD_UTIL" convert --threads 1 --compress=9 \
		disk.raw big.raw.gz 2>"$err"
	[ $got -eq 130 ] || fail "status $got after SIG$signal"
	err_has "vhd-util convert: cancelled"
	only disk.raw pipe
done
