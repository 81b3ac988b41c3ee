#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A user without any rights makes a file system on a partition and uses it.
. "$(dirname "$0")/functions.sh"

requires sfdisk mke2fs e2fsck fuse2fs
user_ready
AS=as_user
seq 200000 >file
as_user "$VHD_UTIL" create --size 64M disk.vhdx
as_user mkdir m ext
up disk.vhdx m
echo "label: gpt" >table
echo "size=40M, type=L" >>table
as_user timeout 120 sfdisk -q --no-reread --no-tell-kernel m/disk.raw <table ||
	fail "sfdisk"
eventually as_user test -f m/p1
run 0 as_user timeout 60 mke2fs -q -t ext4 m/p1
run 0 as_user timeout 60 fuse2fs -o rw,fakeroot m/p1 ext
as_user cp file ext/
as_user cmp file ext/file
as_user fusermount3 -u ext
# fuse2fs closes after the mount is gone.
eventually as_user e2fsck -fn m/p1
run 1 cat m/p1
err_has "Permission denied"
down m
run 0 as_user "$VHD_UTIL" check --quiet disk.vhdx
