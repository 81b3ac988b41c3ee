#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A daemon whose mount was taken off while a file was open touches neither what
# is mounted there now nor the file below.
. "$(dirname "$0")/functions.sh"

for name in a b; do
	run 0 vu create --size 64M $name.vhdx
done
up a.vhdx m -o log=log
first=$daemon
exec 3<>m/disk.raw
run 0 umount -l m
up b.vhdx m
kill -TERM "$first"
eventually grep -q "not mounted there any more" log
is_mounted m || fail "the other mount is gone"
kill -TERM "$first"
ended "$first"
is_mounted m || fail "the other mount is gone"
exec 3>&-
run 0 vu check --quiet a.vhdx
down m

# Over itself: below lies the image.
run 0 vu create --size 16M --type fixed c.vhd
length=$(stat -c %s c.vhd)
up c.vhd c.vhd
exec 3<>c.vhd
run 0 umount -l c.vhd
dd if=/dev/zero bs=4k count=1 seek=4096 of=/dev/stdout conv=notrunc \
	>&3 2>"$err" || true
dd if=/dev/zero bs=1M count=1 status=none >&3 2>"$err" || true
sleep 0.5
exec 3>&-
ended "$daemon"
[ "$(stat -c %s c.vhd)" -eq "$length" ] || fail "the image was cut"
run 0 vu check --quiet c.vhd
