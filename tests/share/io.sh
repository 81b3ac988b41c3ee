#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# io.sh KIND PROGRAM [OPTION OF MKFS]...
#
# Random sharing and writing, compared with copying (test_share.c), with the
# kernel's own sharing.
. "$(dirname "$0")/functions.sh"

fs=$1 program=$2
shift 2
share_fs "$fs" 1G "$@"
VHD_SHARE_REAL=1
TMPDIR=$mounted
export VHD_SHARE_REAL TMPDIR
run 0 timeout 300 "$program"
only
