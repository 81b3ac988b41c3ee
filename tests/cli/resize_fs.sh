#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A file system that fills the disk, as WSL's does, is not cut.
. "$(dirname "$0")/functions.sh"

PATH=$PATH:/usr/sbin:/sbin
requires python3 mkfs.ext4 e2fsck resize2fs mkntfs

truncate -s 100M ext4.raw
mkfs.ext4 -q -F ext4.raw 80M
truncate -s 100M ntfs.raw
mkntfs -Q -F -q -s 512 -p 0 -H 16 -S 63 ntfs.raw $((80 * 2048)) \
	>"$out" 2>&1 || fail "mkntfs failed"

for fs in ext4 ntfs; do
	for f in $fs.vhd $fs.vhdx; do
		run 0 vu convert $fs.raw "$f"
		run 1 vu resize "$f" 79M
		one_sentence resize
		err_has " on the disk ends at byte 83886080"
		run 0 vu resize --to-min --json "$f"
		json_is 'd["new_size"], d["kept_end"]' "(83886080, 83886080)"
		run 0 vu resize "$f" 150M
		out_has "next: make the file system larger in the guest"
	done
done

# The way of a WSL disk: larger, then the file system, then back.
for f in ext4.vhd ext4.vhdx; do
	vu convert --force --no-sync $f disk.raw
	run 0 e2fsck -f -n disk.raw
	run 0 resize2fs disk.raw
	run 0 e2fsck -f -n disk.raw
	run 0 vu convert --force disk.raw $f
	run 1 vu resize $f 149M
	run 0 vu resize --force $f 149M
done
