#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154
#
# Changes what the jobs ext4 and ntfs left: old files are overwritten in part,
# renamed and deleted, new ones are written, space is trimmed.
change() {
	text 900 50 | dd of=dir1/sub1/file7 bs=100 seek=9 conv=notrunc \
		2>/dev/null || die "overwrite a part"
	rm dir0/sub0/*
	mv dir1/sub0 moved
	tree "$1" "$2"
	seal
}

run mount -t ext4 "$p1" /mnt
cd /mnt || die "cd"
change 61 75
big 64
ask full
rm large
sync	# only what a commit freed is trimmed
run fstrim -v /mnt
ask trimmed
compare
cd /
run umount /mnt
ext4_clean "$p1"

load fuse
run ntfs-3g "$p2" /mnt
cd /mnt || die "cd"
mkdir -p dir1/sub1
text 901 500 >dir1/sub1/file7
change 76 85
compare
cd /
run umount /mnt
run ntfsfix -n "$p2"
