#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# trim.sh FORMAT
#
# What a file system no longer needs leaves the image.
. "$(dirname "$0")/functions.sh"

requires mkfs.ext4 losetup fstrim
run 0 vu create --block-size 2M --size 200M "disk.$1"
up "disk.$1" m
loop_add --direct-io=on m/disk.raw
run 0 timeout 60 mkfs.ext4 -q -F "$loop"
mkdir ext
run 0 timeout 60 mount -t ext4 "$loop" ext
data ext/large 60
sync -f ext
before=$(allocated "disk.$1")
[ "$before" -ge 60000 ] || fail "only $before KiB took in 60 MiB"
# What stat says is up to two seconds old.
is_shown() { [ "$(allocated m/disk.raw)" -ge 60000 ]; }
eventually is_shown
rm ext/large
sync -f ext
run 0 timeout 60 fstrim ext
# Space is free when the map that does without it is durable.
sync "$loop"
du_at_most "disk.$1" $((before - 50000)) ||
	fail "from $before KiB the image shrank to $(allocated "disk.$1")"
umount ext
loop_del "$loop"
eventually du_at_most m/disk.raw 40000
down m
run 0 vu check --quiet "disk.$1"
