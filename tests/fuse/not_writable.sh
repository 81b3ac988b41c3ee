#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image that its user may only read is mounted read only, which is said; with
# -o rw it is refused.
. "$(dirname "$0")/functions.sh"

user_ready
AS=as_user
as_user mkdir m
data model 8
run 0 vu convert --format vhdx model disk.vhdx
chmod 444 disk.vhdx model
run 0 vf disk.vhdx m
out_empty
[ "$(wc -l <"$err")" -eq 1 ] || fail "not one line"
err_has "read only"
daemon=$(pgrep -n -x vhdfuse)
run 0 as_user cmp m/disk.raw model
run 1 as_user dd if=/dev/null of=m/disk.raw conv=notrunc
err_has "Read-only file system"
down m
run 1 vf -o rw disk.vhdx m
refused
