#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Of two partitions that overlap one can be written at a time, and what it is
# given is read through the other.
. "$(dirname "$0")/functions.sh"

# Not sfdisk: it would refuse.
run 0 vu create --size 64M disk.vhdx
{
	head -c 446 /dev/zero
	# From sector 2048 on 20480 of them; from 4096 on 20480.
	printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\120\0\0'
	printf '\0\0\0\0\203\0\0\0\0\020\0\0\0\120\0\0'
	head -c 32 /dev/zero
	printf '\125\252'
} >table
run 0 vu write disk.vhdx table
up disk.vhdx m
if [ ! -e m/p1 ] || [ ! -e m/p2 ]; then
	down m
	exit 0
fi
exec 3<>m/p1
said "Device or resource busy" dd if=/dev/null of=m/p2 conv=notrunc
exec 3>&-
cat m/p2 >/dev/null
data one 1
poke one m/p1 1048576
head -c 1M m/p2 | cmp - one || fail "p2 has not what p1 was given"
down m
