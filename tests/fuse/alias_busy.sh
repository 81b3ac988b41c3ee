#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Two files that show the same bytes are not open for writing at once.
. "$(dirname "$0")/functions.sh"

requires sfdisk
run 0 vu create --size 64M disk.vhdx
up disk.vhdx m
gpt m/disk.raw 20M 20M
eventually test -f m/p2
busy="Device or resource busy"
open_for_writing() { dd if=/dev/null of="$1" conv=notrunc status=none; }

exec 3<>m/disk.raw
said "$busy" dd if=/dev/null of=m/p1 conv=notrunc
run 0 cat m/p1
exec 4<>m/disk.raw
exec 3>&- 4>&-
# The kernel tells of the last close a moment later.
eventually open_for_writing m/p1
exec 3<>m/p1
said "$busy" dd if=/dev/null of=m/disk.raw conv=notrunc
said "$busy" dd if=/dev/null of=m/disk.raw oflag=direct conv=notrunc
run 0 cat m/disk.raw
exec 4<>m/p2
exec 3>&-
said "$busy" dd if=/dev/null of=m/disk.raw conv=notrunc
exec 4>&-
eventually open_for_writing m/disk.raw
down m
