#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A user's dead mount is replaced, too.
. "$(dirname "$0")/functions.sh"

user_ready
AS=as_user
as_user "$VHD_UTIL" create --size 64M disk.vhdx
as_user mkdir m
up disk.vhdx m
kill -KILL "$daemon"
ended "$daemon"
up disk.vhdx m
run 0 as_user cat m/disk.raw
kill -TERM "$daemon"
ended "$daemon"
not_mounted m || fail "still mounted"
