#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Target - writes the bytes of the disk to a pipe.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
run 0 vu convert disk.raw a.vhdx
vu convert a.vhdx - | cmp - disk.raw || fail "other bytes came out"
vu convert --no-progress --format raw a.vhdx - | cmp - disk.raw
# By the names that the system has for it, too.
for name in /dev/stdout /dev/fd/1; do
	vu convert a.vhdx $name | cmp - disk.raw || fail "$name: other bytes"
done
vu convert a.vhdx /dev/stdout >copy.raw
same copy.raw disk.raw
rm copy.raw
# A reader that stops early ends the program without a message.
vu convert a.vhdx - 2>"$err" | head -c 1000 >/dev/null
err_empty
# A full disk is reported.
if [ -c /dev/full ]; then
	got=0
	vu convert a.vhdx - >/dev/full 2>"$err" || got=$?
	[ $got -eq 1 ] || fail "status $got with a full disk"
	one_sentence convert
	# No advice about a file that there is not.
	err_lacks "hint:"
	got=0
	vu info a.vhdx >/dev/full 2>"$err" || got=$?
	[ $got -eq 1 ] || fail "status $got of info with a full disk"
fi
only disk.raw a.vhdx
