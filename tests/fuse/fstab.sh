#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mount(8) and fstab know the file system by the program's name.
. "$(dirname "$0")/functions.sh"

requires mount.fuse3
mkdir m
root_program vhdfuse
data model 8
run 0 vu convert --format vhdx model disk.vhdx
image=$T/disk.vhdx

run 0 timeout 120 mount -t fuse.vhdfuse "$image" "$T/m"
daemon=$(pgrep -n -x vhdfuse)
grep -q "^$image $T/m fuse.vhdfuse rw," /proc/mounts || fail "not as it should be"
same m/disk.raw model
run 0 umount m
ended "$daemon"

run 0 timeout 120 mount -t fuse.vhdfuse -o ro,allow_other,umask=077 "$image" \
	"$T/m"
daemon=$(pgrep -n -x vhdfuse)
[ "$(stat -c %a m/disk.raw)" = 400 ] || fail "umask= did not arrive"
grep -q " $T/m fuse.vhdfuse ro,.*allow_other" /proc/mounts || fail "not ro"
run 0 umount m
ended "$daemon"

cat >table <<EOF
$image $T/m fuse.vhdfuse ro,noauto,nofail,x-systemd.automount,comment=x 0 0
EOF
run 0 timeout 120 mount -T table "$T/m"
daemon=$(pgrep -n -x vhdfuse)
same m/disk.raw model
run 0 umount m
ended "$daemon"
run 0 timeout 120 mount -a -T table
not_mounted m || fail "noauto"
sed -i s/noauto,// table
run 0 timeout 120 mount -a -T table
daemon=$(pgrep -n -x vhdfuse)
is_mounted m || fail "mount -a did not mount"
run 0 umount m
ended "$daemon"

# A failure is one of mount's, too.
got=0
timeout 120 mount -t fuse.vhdfuse "$T/missing" "$T/m" >"$out" 2>"$err" || got=$?
[ $got -ne 0 ] || fail "mount is happy with nothing"
err_has "missing"
none_mounted
