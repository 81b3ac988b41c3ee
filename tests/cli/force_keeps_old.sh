#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A forced conversion that fails leaves the old file as it was.
. "$(dirname "$0")/functions.sh"

requires timeout
echo precious >out.vhdx
raw_disk disk.raw
run 1 vu convert --force --size 1M disk.raw out.vhdx
one_sentence convert
[ "$(cat out.vhdx)" = precious ] || fail "the old file was changed"
run 1 vu convert --force missing.raw out.vhdx
one_sentence convert
[ "$(cat out.vhdx)" = precious ] || fail "the old file was changed"
only disk.raw out.vhdx
