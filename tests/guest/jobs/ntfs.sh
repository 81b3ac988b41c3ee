#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154
#
# NTFS in the second partition, by the driver in user space.
load fuse
run mkntfs -Q -q -F -L windows "$p2"
run ntfs-3g "$p2" /mnt
cd /mnt || die "cd"
tree 41 60
rm dir2/sfdisk
seal
compare
cd /
run umount /mnt
run ntfsfix -n "$p2"
