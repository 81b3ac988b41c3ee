#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A mount is its owner's alone; allow_other opens it, as far as permissions go
# and where the administrator lets users do so.
. "$(dirname "$0")/functions.sh"

user_ready
run 0 vu create --size 8M disk.vhd
chmod 644 disk.vhd
up disk.vhd m
run 1 as_user cat m/disk.raw
err_has "Permission denied"
down m
up disk.vhd m -o allow_other
run 0 as_user cat m/disk.raw
run 1 as_user dd if=/dev/null of=m/disk.raw conv=notrunc
err_has "Permission denied"
down m
up disk.vhd m -o allow_other,uid=65534
run 0 as_user dd if=/dev/null of=m/disk.raw conv=notrunc
down m

AS=as_user
chown 65534 disk.vhd
rmdir m
as_user mkdir m
fuse_conf "# nothing"
run 1 vf disk.vhd m -o allow_other
refused
fuse_conf "user_allow_other"
up disk.vhd m -o allow_other
run 0 cat m/disk.raw
down m
