#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the disk takes is counted anew after writes and holes.
. "$(dirname "$0")/functions.sh"

requires fallocate
run 0 vu create --block-size 1M --size 1G disk.vhdx
up disk.vhdx m
[ "$(allocated m/disk.raw)" -eq 0 ] || fail "an empty disk takes space"
data more 10
poke more m/disk.raw $((100 << 20)) conv=notrunc,fsync
has() { [ "$(allocated m/disk.raw)" -eq "$1" ]; }
eventually has 10240
fallocate -p -o $((104 << 20)) -l $((4 << 20)) m/disk.raw
eventually has 6144
free=$(stat -f -c %a m)
[ "$free" -gt 0 ] || fail "nothing is free"
[ "$(stat -f -c %b m)" -eq 262144 ] || fail "f_blocks"
down m
