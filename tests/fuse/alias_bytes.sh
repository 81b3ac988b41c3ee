#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is written through a partition is read through the disk, and the reverse,
# also where the kernel had the old bytes in its cache.
. "$(dirname "$0")/functions.sh"

requires sfdisk
run 0 vu create --size 64M disk.vhdx
up disk.vhdx m
gpt m/disk.raw 20M 20M
eventually test -f m/p2
off=$(part_off m/disk.raw 1)
data one 4
data all 8
tail -c 4M all >two
in_part() { dd if=m/p1 bs=1M count=4 status=none | cmp -s - "$1"; }
in_disk() {
	dd if=m/disk.raw bs=1M iflag=skip_bytes,count_bytes skip="$off" \
		count=4M status=none | cmp -s - "$1"
}
still_open() {
	dd bs=1M iflag=skip_bytes,count_bytes skip="$1" count=4M status=none \
		<"/proc/self/fd/$2" | cmp -s - "$3"
}

# Caches filled, files closed.
cat m/disk.raw m/p1 >/dev/null
poke one m/p1 0
in_disk one || fail "the disk has not what the partition was given"
poke two m/disk.raw "$off"
in_part two || fail "the partition has not what the disk was given"

# Somebody has the other file open while it is written.
exec 3<m/disk.raw
cat <m/disk.raw >/dev/null
poke one m/p1 0 conv=notrunc,fsync
eventually in_disk one
exec 3<&-
exec 3<m/p1
cat <m/p1 >/dev/null
poke two m/disk.raw "$off" conv=notrunc,fsync
eventually in_part two
exec 3<&-

# The writer stays, too: once synced, a reader who comes sees it.
exec 4<>m/p1
cat one >&4
sync -d m/p1
in_disk one || fail "a reader beside a writer reads old bytes"
exec 4>&-
down m
run 0 vu read --offset "$off" --length 4M --output back disk.vhdx
same back one
