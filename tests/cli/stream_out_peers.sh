#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Other programs open a stream that was saved, and read the same bytes.
. "$(dirname "$0")/functions.sh"

requires qemu-img vhdiinfo 7z
raw_disk disk.raw
truncate -s 40M disk.raw
try() {
	file=$1 format=$2
	shift 2
	vu convert --no-progress "$@" disk.raw - | cat >"$file"
	run 0 qemu-img compare -f raw -F "$format" disk.raw "$file"
	[ "$format" != vhdx ] || run 0 qemu-img check -f vhdx "$file"
	run 0 vhdiinfo "$file"
}
try a.vhd vpc --format vhd
try b.vhd vpc --format vhd --type fixed
try c.vhd vpc --for xen
try d.vhd vpc --for azure
try a.vhdx vhdx --format vhdx
try b.vhdx vhdx --format vhdx --type fixed
try c.vhdx vhdx --format vhdx --block-size 1M
try d.vhdx vhdx --for hyperv
for f in a.vhd b.vhd a.vhdx c.vhdx; do
	run 0 7z l "$f"
done
