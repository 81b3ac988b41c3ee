#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# compact.sh FILESYSTEM: one that the kernel (or ntfs-3g) made, filled and mostly
# emptied; afterwards the file is small, the file system sound, and every file
# what it was.  bench/compact.py judges.
. "$(dirname "$0")/functions.sh"

requires python3 sfdisk losetup mkfs.ext4 e2fsck mkntfs ntfs-3g ntfsfix
bench=$(dirname "$0")/../../bench/compact.py
run 0 timeout 250 python3 "$bench" --util "$VHD_UTIL" --dir "$T" \
	--size 2G --fill 160M --fs "$1" --strict
out_has "$1, vhd, compact"
out_has "$1, vhdx, compact"
