#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An overlay that is itself the parent of an image does not take writes.
. "$(dirname "$0")/functions.sh"

mkdir m
run 0 vu create --size 16M base.vhdx
run 0 vu create --parent base.vhdx over.vhdx
run 0 vu create --parent over.vhdx top.vhdx
run 1 vf -o overlay=over.vhdx base.vhdx m
refused
err_has "is the parent of"
