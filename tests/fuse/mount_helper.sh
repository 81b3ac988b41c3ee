#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# As mount.vhd the program is mount(8)'s helper for the type vhd.
. "$(dirname "$0")/functions.sh"

mkdir m
root_program mount.vhd
data model 8
run 0 vu convert --format vhd model disk.vhd

run 0 timeout 120 mount -t vhd -o ro,umask=027 "$T/disk.vhd" "$T/m"
daemon=$(pgrep -n -x vhdfuse)
grep -q " $T/m fuse.vhdfuse ro," /proc/mounts || fail "not read only"
[ "$(stat -c %a m/disk.raw)" = 440 ] || fail "umask= did not arrive"
same m/disk.raw model
run 0 umount m
ended "$daemon"

# -v and -n are mount's, -f means to pretend, -s to overlook strange options.
run 0 timeout 120 mount -n -t vhd "$T/disk.vhd" "$T/m"
run 0 vf -u m
run 0 timeout 120 mount -f -t vhd "$T/disk.vhd" "$T/m"
not_mounted m || fail "-f mounts"
echo "$T/disk.vhd $T/m vhd defaults,nofail,_netdev 0 0" >table
run 0 timeout 120 mount -a -T table
is_mounted m || fail "mount -a did not mount"
run 0 vf -u m
none_mounted
