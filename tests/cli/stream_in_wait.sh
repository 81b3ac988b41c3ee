#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Whoever feeds a stream may be slow, stop or die; a program that is interrupted or
# killed meanwhile ends, and leaves nothing, also not what it stored.
. "$(dirname "$0")/functions.sh"

requires timeout mkfifo python3
head -c 3000000 /dev/urandom >piece
run 0 vu create --block-size 2M --size 64M a.vhd
run 0 vu write --offset 10M a.vhd piece
run 0 vu convert a.vhd want.raw
mkdir spool
set -- a.vhd piece pipe spool want.raw

# Slowly, and in pieces that fit nothing.
last="slow | convert - o.raw"
python3 -c '
import os, sys, time
data = open("a.vhd", "rb").read()
at = 0
for n in (1, 511, 1, 700, 3000, 100001, 1 << 20, len(data)):
    sys.stdout.buffer.write(data[at:at + n])
    sys.stdout.buffer.flush()
    at += n
    time.sleep(0.05)
' | timeout 60 "$VHD_UTIL" convert --no-spool - o.raw >"$out" 2>"$err" ||
	fail "status $?"
same o.raw want.raw
rm o.raw

mkfifo pipe
# A pipe that a shell names is a stream as well; one that might never have a writer
# is for "-".
last="convert /dev/fd/0 o.raw"
# shellcheck disable=SC2002 # a file would be opened as one
cat a.vhd | timeout 60 "$VHD_UTIL" convert /dev/fd/0 o.raw 2>"$err" ||
	fail "status $?"
same o.raw want.raw
rm o.raw
run 1 timeout 120 "$VHD_UTIL" convert pipe o.raw
err_has "FIFO"
err_has "hint: give it as standard input"

# Open at both ends: more may always come.
exec 3<>pipe
for signal in INT TERM HUP; do
	for bytes in 0 5 1000 60000; do
		head -c $bytes a.vhd >&3
		signalled "$signal" "$VHD_UTIL" convert - o.raw <&3 2>"$err"
		[ $got -eq 130 ] || fail "status $got"
		err_has "vhd-util convert: cancelled"
		only "$@"
	done
done
python3 -c '
import os
os.close(os.open(".", os.O_TMPFILE | os.O_RDWR))' 2>/dev/null ||
	skip "no files without a name on this file system"
exec 3>&-
# Killed in the midst of storing a disk of unknown size, and of a conversion.
for size in "" "--size 1G"; do
	last="killed $size"
	got=0
	# shellcheck disable=SC2086
	head -c 300M /dev/urandom | { cat; sleep 3; } |
		timeout -s KILL 1.5 "$VHD_UTIL" convert $size - o.vhdx \
		2>"$err" || got=$?
	[ $got -eq 137 ] || fail "status $got"
	only "$@"
done
