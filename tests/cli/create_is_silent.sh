#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# create prints nothing when its output is no terminal.
. "$(dirname "$0")/functions.sh"

run 0 vu create --size 1G a.vhd
silent
run 0 vu create --size 1G a.vhdx
silent
run 0 vu create --parent a.vhd b.vhd
silent
only a.vhd a.vhdx b.vhd
