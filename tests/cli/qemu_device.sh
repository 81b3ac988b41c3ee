#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image of another program on a block device, as managers of machines keep
# qcow2 on logical volumes: read as from a file.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd timeout losetup
[ "$(id -u)" -eq 0 ] || skip_host "only root has loop devices"
raw_disk disk.raw
truncate -s 40M disk.raw

# Between being made and being given up a device belongs to nobody.
device_cleanup() {
	exec 9<&-
	for left in $(timeout 120 losetup -n -O NAME -j "$T/volume"); do
		timeout 120 losetup -d "$left" || true
	done
	nbd_cleanup
}
trap device_cleanup EXIT

# on_device FILE: $loop; it goes with us, however we end.
on_device() {
	truncate -s 64M volume
	dd if="$1" of=volume conv=notrunc status=none
	loop=$(timeout 120 losetup --show -f volume 2>"$err") ||
		skip_host "there is no loop device"
	exec 9<"$loop"
	timeout 120 losetup -d "$loop"
}
off_device() {
	exec 9<&-
	rm volume
}
for format in qcow2 vdi vmdk; do
	run 0 qemu-img convert -f raw -O $format disk.raw image
	on_device image
	run 0 vu convert "$loop" new.vhdx
	silent
	same_disk disk.raw new.vhdx vhdx
	rm new.vhdx
	run 0 vu convert -O raw "$loop" -
	same "$out" disk.raw
	off_device
done

# One that lies on a device is followed, if that is wanted.
run 0 qemu-img convert -f raw -O qcow2 disk.raw image
on_device image
run 0 qemu-img create -q -f qcow2 -F qcow2 -b "$loop" child.qcow2
run 1 vu convert child.qcow2 new.vhdx
one_sentence convert
run 0 vu convert --allow-backing child.qcow2 new.vhdx
same_disk disk.raw new.vhdx vhdx
run 0 vu convert --allow-backing "$loop" again.vhdx
same_disk disk.raw again.vhdx vhdx
off_device

# Of a disk in several files the text may lie on one: its parts are beside it.
run 0 qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat disk.raw \
	flat.vmdk
on_device flat.vmdk
mknod text b "$(printf '%d' "0x$(stat -c %t "$loop")")" \
	"$(printf '%d' "0x$(stat -c %T "$loop")")"
if head -c 1 text >/dev/null 2>&1; then
	run 0 vu convert text parts.vhdx
	same_disk disk.raw parts.vhdx vhdx
else
	echo "devices beside this test cannot be opened: not tried"
fi
off_device
