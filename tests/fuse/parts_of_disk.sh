#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# partition=, offset= and sizelimit= show a part of the disk, and no more.
. "$(dirname "$0")/functions.sh"

requires sfdisk
data model 40
run 0 vu convert --format vhdx model disk.vhdx
up disk.vhdx m
gpt m/disk.raw 10M 12M
eventually test -f m/p2
off=$(part_off m/disk.raw 2)
cat m/disk.raw >model
down m
part() {
	tail -c +$(($1 + 1)) model | head -c "$2"
}
part "$off" 12582912 >want
: >disk
up disk.vhdx disk -o partition=2
same disk want
echo first | poke /dev/stdin disk 0
said "" dd if=/dev/zero of=disk seek=12M bs=1 count=1 oflag=direct conv=notrunc
down disk
echo first | poke /dev/stdin model "$off"
run 0 vu read --output back disk.vhdx
same back model
rm back

up disk.vhdx disk -o offset=5000001,sizelimit=1234567
part 5000001 1234567 >want
same disk want
echo middle | poke /dev/stdin disk 1234560
down disk
echo middle | poke /dev/stdin model $((5000001 + 1234560))
run 0 vu read --output back disk.vhdx
same back model

up disk.vhdx m -r -o offset=39M
part $((39 << 20)) $((1 << 20)) >want
same m/disk.raw want
[ "$(ls m)" = disk.raw ] || fail "there are partitions in a part"
down m
up disk.vhdx m -r -o partition=1
[ "$(stat -c %s m/disk.raw)" -eq 10485760 ] || fail "size of partition 1"
down m
