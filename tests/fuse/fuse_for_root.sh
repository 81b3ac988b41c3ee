#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A user whom FUSE is closed to learns it from one sentence.
. "$(dirname "$0")/functions.sh"

user_ready
AS=as_user
chmod 600 /dev/fuse
as_user "$VHD_UTIL" create --size 8M disk.vhd
as_user mkdir m
run 1 vf disk.vhd m
refused
