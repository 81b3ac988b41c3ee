#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# discard.sh FORMAT
#
# Discards and zeroes of any offset and length read as zeros, change nothing
# beside them, and make room.
. "$(dirname "$0")/functions.sh"

requires blkdiscard fallocate losetup
data model 32
run 0 vu convert --format "$1" model "disk.$1"
up "disk.$1" m
before=$(allocated "disk.$1")

# both OPTION... FILE: fallocate on the disk and on a plain file
both() {
	run 0 timeout 60 fallocate "$@" m/disk.raw
	run 0 timeout 60 fallocate "$@" model
	same m/disk.raw model
}
both -p -o 2098688 -l 4195840
both -p -o $((9 << 20)) -l 1
both -p -o $(((9 << 20) + 4095)) -l 12345
both -z -o 1536 -l 512
both -z -n -o $(((10 << 20) + 777)) -l $((3 << 20))
both -p -o $((31 << 20)) -l $((9 << 20))
sync m/disk.raw
du_at_most "disk.$1" $((before - 4096)) || fail "no room was made"
both -l $((8 << 20))
said "File too large" fallocate -l $((33 << 20)) m/disk.raw
said "File too large" fallocate -z -o $((31 << 20)) -l $((2 << 20)) m/disk.raw

loop_add --direct-io=on m/disk.raw
zeroed() {
	run 0 timeout 60 blkdiscard "$@" "$loop"
	run 0 timeout 60 fallocate -p -o "$3" -l "$5" model
	same "$loop" model
}
zeroed -f -o $((14 << 20)) -l $((4 << 20))
zeroed -z -o $(((19 << 20) + 512)) -l 1536
zeroed -z -o $((20 << 20)) -l $((3 << 20))
loop_del "$loop"
same m/disk.raw model
down m
run 0 vu check --quiet "disk.$1"
run 0 vu read --output back "disk.$1"
same back model
