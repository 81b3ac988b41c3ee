#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Bytes are not written to a terminal.
. "$(dirname "$0")/functions.sh"

requires script
raw_disk disk.raw
got=0
script -qec "'$VHD_UTIL' convert disk.raw -" /dev/null >"$out" 2>&1 </dev/null ||
	got=$?
[ $got -eq 2 ] || fail "status $got"
out_has "standard output is a terminal"
