#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154
#
# What an earlier guest left: both file systems are clean and hold what was
# sealed.
run sfdisk --verify "$disk"
ext4_clean "$p1"
run mount -t ext4 -o ro "$p1" /mnt
cd /mnt || die "cd"
compare
cd /
run umount /mnt
load fuse
run ntfsfix -n "$p2"
run ntfs-3g -o ro "$p2" /mnt
cd /mnt || die "cd"
compare
cd /
run umount /mnt
