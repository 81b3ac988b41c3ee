#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# qemu-img opens what is made here, and reads the same bytes.
. "$(dirname "$0")/functions.sh"

requires qemu-img
raw_disk disk.raw
# QEMU up to 9.2 sees the geometry of some VHDs: the size is one it can hold.
truncate -s 40M disk.raw
try() {
	file=$1 format=$2
	shift 2
	run 0 vu convert "$@" disk.raw "$file"
	run 0 qemu-img info -f "$format" "$file"
	if [ "$format" = vhdx ]; then
		run 0 qemu-img check -f vhdx "$file"
	fi
	run 0 qemu-img convert -f "$format" -O raw "$file" back
	starts_with back disk.raw
	rm back
}
try a.vhd vpc
try b.vhd vpc --type fixed
try c.vhdx vhdx
try d.vhdx vhdx --type fixed
try e.vhdx vhdx --block-size 1M
try f.vhdx vhdx --for hyperv
try g.vhdx vhdx --for wsl
try h.vhd vpc --for azure
try i.vhd vpc --for xen

# And the other way round.
for f in vpc:x.vhd vhdx:y.vhdx; do
	run 0 qemu-img convert -f raw -O "${f%%:*}" disk.raw "${f#*:}"
	run 0 vu check "${f#*:}"
	run 0 vu convert "${f#*:}" -
	starts_with "$out" disk.raw
done
