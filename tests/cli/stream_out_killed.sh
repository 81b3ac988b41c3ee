#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A gzip file whose making is killed is not there, nor is anything else.
. "$(dirname "$0")/functions.sh"

requires timeout python3
python3 -c '
import os
os.close(os.open(".", os.O_TMPFILE | os.O_RDWR))' 2>/dev/null ||
	skip "no files without a name on this file system"
head -c 200M /dev/urandom >disk.raw
for name in a.raw.gz a.vhd.gz a.vhdx.gz; do
	got=0
	timeout -s KILL 1 "$VHD_UTIL" convert --threads 1 --compress=9 \
		disk.raw $name >"$out" 2>"$err" || got=$?
	[ $got -eq 137 ] || fail "status $got after SIGKILL"
	only disk.raw
done
# Nor is what it was to replace gone.
echo old >a.raw.gz
got=0
timeout -s KILL 1 "$VHD_UTIL" convert --force --threads 1 --compress=9 \
	disk.raw a.raw.gz >"$out" 2>"$err" || got=$?
[ $got -eq 137 ] || fail "status $got after SIGKILL"
[ "$(cat a.raw.gz)" = old ] || fail "the old file is gone"
only disk.raw a.raw.gz
