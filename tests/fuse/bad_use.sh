#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What cannot be mounted is refused in one sentence, and nothing stays mounted.
. "$(dirname "$0")/functions.sh"

mkdir m folder busy
mkfifo pipe
ln -s nowhere dangling
run 0 vu create --size 8M disk.vhdx
seq 1000 >text
head -c 1M /dev/zero >zeros.vhd
head -c 100000 disk.vhdx >cut.vhdx
: >empty.vhd
for image in folder text zeros.vhd cut.vhdx empty.vhd missing.vhdx pipe \
	dangling /dev/null disk.vhdx/x; do
	run 1 vf $image m
	refused
done

# An image of another program is not to be mounted as a raw disk.
{ printf 'QFI\373\0\0\0\003'; head -c 196608 /dev/zero; } >disk.qcow2
run 1 vf disk.qcow2 m
refused
err_has "disk.qcow2: this is a qcow2 image and no raw disk"
err_has "hint: make an image of it first: vhd-util convert "
err_lacks "format=raw"

for point in missing missing/m pipe dangling; do
	run 1 vf disk.vhdx $point
	refused
done
absent missing nowhere

mount -t tmpfs none busy
run 1 vf disk.vhdx busy
refused
umount busy
up disk.vhdx busy
run 0 vu create --size 8M other.vhdx
run 1 vf other.vhdx busy
is_mounted busy || fail "the mount that was there is gone"
[ "$(grep -c fuse.vhdfuse /proc/mounts)" -ge 1 ] || fail "gone"
err_has "mounted there already"
down busy

run 0 vu create --size 8M base.vhdx
run 0 vu create --parent base.vhdx child.vhdx
rm base.vhdx
run 1 vf child.vhdx m
refused
err_has "base.vhdx"
run 1 vf disk.vhdx m -o layer=7
refused
run 1 vf disk.vhdx m -o partition=3
refused
run 1 vf disk.vhdx m -o offset=9M
refused
run 1 vf -u m
refused
run 1 vf -u missing
refused
run 1 vf disk.vhdx m -o log=missing/log
refused
