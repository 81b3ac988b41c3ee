#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What qemu-img makes comes through a pipe.
#
# shellcheck disable=SC2002
# A file at standard input would be opened as one.
. "$(dirname "$0")/functions.sh"

requires qemu-img timeout
head -c 3000000 /dev/urandom >piece
truncate -s 48M disk.raw
for at in 0 7 33 45; do
	dd if=piece of=disk.raw bs=1M seek=$at conv=notrunc status=none
done
for kind in vpc,subformat=dynamic,force_size=on \
	vpc,subformat=fixed,force_size=on vhdx,subformat=dynamic \
	vhdx,subformat=dynamic,block_size=1M vhdx,subformat=fixed; do
	format=${kind%%,*}
	qemu-img convert -f raw -O "$format" -o "${kind#*,}" disk.raw image \
		>/dev/null || fail "qemu-img makes no $kind"
	for dst in o.raw o.vhd o.vhdx; do
		last="$kind to $dst"
		cat image | timeout 100 "$VHD_UTIL" convert --size 48M - $dst \
			>"$out" 2>"$err" || fail "status $?"
		silent
		run 0 vu compare disk.raw $dst
		rm $dst
	done
	gzip -1 <image >image.gz
	run 0 vu convert --size 48M image.gz o.vhdx
	run 0 qemu-img compare -f raw -F vhdx disk.raw o.vhdx
	rm o.vhdx image image.gz
done
