#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A raw disk is taken for one when the user says so.
. "$(dirname "$0")/functions.sh"

requires sfdisk
mkdir m
truncate -s 32M disk.img
run 1 vf disk.img m
refused
up disk.img m -o format=raw
gpt m/disk.raw 10M
eventually test -f m/p1
data more 1
poke more m/p1 4096
off=$(part_off m/disk.raw 1)
down m
dd if=disk.img bs=4096 skip=$((off / 4096 + 1)) count=256 status=none |
	cmp - more || fail "it is not in the file"
[ "$(stat -c %s disk.img)" -eq 33554432 ] || fail "the file's size"
run 1 vf disk.img m -o format=vhdx
refused
