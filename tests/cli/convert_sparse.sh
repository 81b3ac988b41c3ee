#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Zeros cost no space in the target.
. "$(dirname "$0")/functions.sh"

requires python3
truncate -s 1G disk.raw
# Zeros that are stored are found as well as holes.
dd if=/dev/zero of=disk.raw bs=1M seek=100 count=64 conv=notrunc status=none
echo data | patch disk.raw $((500 * 1024 * 1024))
for f in a.vhd a.vhdx copy.raw; do
	run 0 vu convert disk.raw $f
	used=$(($(stat -c '%b * %B' $f)))
	[ $used -lt $((40 * 1024 * 1024)) ] || fail "$f takes $used bytes"
done
run 0 vu convert a.vhdx -
same "$out" disk.raw
