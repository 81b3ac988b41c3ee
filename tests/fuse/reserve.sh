#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# reserve.sh FORMAT
#
# Reserving space takes no byte away that is written at the same time.
. "$(dirname "$0")/functions.sh"

requires python3
run 0 vu create --size 128M "disk.$1"
up "disk.$1" m
run 0 timeout 120 python3 -B "$(dirname "$0")/reserve.py" m/disk.raw
down m
run 0 vu check --quiet "disk.$1"
