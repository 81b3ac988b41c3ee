#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A conversion that is killed leaves nothing.
. "$(dirname "$0")/functions.sh"

requires timeout python3
python3 -c '
import os
os.close(os.open(".", os.O_TMPFILE | os.O_RDWR))' 2>/dev/null ||
	skip "no files without a name on this file system"
for mib in 256 1024 3072; do
	head -c ${mib}M /dev/urandom >disk.raw
	got=0
	timeout -s KILL 0.15 "$VHD_UTIL" convert disk.raw out.vhdx \
		>"$out" 2>"$err" || got=$?
	if [ $got -eq 0 ]; then
		rm out.vhdx
		continue
	fi
	[ $got -eq 137 ] || fail "status $got after SIGKILL"
	# Too late: it has its name, and then it is whole.
	if [ -e out.vhdx ]; then
		run 0 vu compare disk.raw out.vhdx
		rm out.vhdx
		continue
	fi
	only disk.raw
	exit 0
done
skip "this machine converts 3 GiB faster than it can be killed"
