#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# filesystem.sh FORMAT loop|direct|files
#
# A GPT, ext4 and NTFS are made on an image, filled and left clean, through a
# loop device (buffered or with direct I/O) or on the partition files; other
# programs then find the same bytes in the image.
. "$(dirname "$0")/functions.sh"

requires sfdisk mkfs.ext4 mkntfs ntfs-3g ntfsfix e2fsck qemu-img losetup
image=disk.$1
way=$2

mkdir tree tree/sub ext ntfs
data tree/large 20
for n in $(seq 300); do seq "$n" $((n + 200)) >"tree/sub/$n"; done

run 0 vu create --size 160M "$image"
up "$image" m
gpt m/disk.raw 80M 60M
eventually test -f m/p2
[ "$(stat -c %s m/p1)" -eq $((80 << 20)) ] || fail "size of p1"
[ ! -e m/p3 ] || fail "there is a p3"
off1=$(part_off m/disk.raw 1)
off2=$(part_off m/disk.raw 2)

direct=off
[ "$way" != direct ] || direct=on
case $way in
files)
	first=m/p1
	second=m/p2
	;;
*)
	loop_add --direct-io=$direct -o "$off1" --sizelimit $((80 << 20)) \
		m/disk.raw
	first=$loop
	loop_add --direct-io=$direct -o "$off2" --sizelimit $((60 << 20)) \
		m/disk.raw
	second=$loop
	;;
esac
run 0 timeout 60 mkfs.ext4 -q -F "$first"
run 0 timeout 60 mkntfs -q -F -Q "$second"

case $way in
files) run 0 timeout 60 mount -t ext4 -o loop "$first" ext ;;
*) run 0 timeout 60 mount -t ext4 "$first" ext ;;
esac
cp -r tree ext/
timeout 60 umount ext
run 0 timeout 60 ntfs-3g "$second" ntfs
cp -r tree ntfs/
timeout 60 umount ntfs

eventually run 0 timeout 60 e2fsck -fn "$first"
eventually run 0 timeout 60 ntfsfix -n "$second"
out_lacks "Corrupt"
if [ "$way" != files ]; then
	loop_del "$first"
	loop_del "$second"
fi
down m

run 0 vu check --quiet "$image"
silent
case $1 in vhd) qemu=vpc ;; *) qemu=$1 ;; esac
run 0 timeout 60 qemu-img convert -f "$qemu" -O raw "$image" qemu.raw
run 0 vu convert --no-sync "$image" ours.raw
same qemu.raw ours.raw
run 0 mount -t ext4 -o "ro,loop,offset=$off1,sizelimit=$((80 << 20))" \
	qemu.raw ext
run 0 diff -r tree ext/tree
umount ext
loop_add -r -o "$off2" --sizelimit $((60 << 20)) qemu.raw
run 0 timeout 60 ntfs-3g -o ro "$loop" ntfs
run 0 diff -r tree ntfs/tree
umount ntfs
loop_del "$loop"
