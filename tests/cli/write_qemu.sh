#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# QEMU reads what was written here, and we what it writes, in turns.
. "$(dirname "$0")/functions.sh"

requires qemu-img qemu-io
noise 3000000 >data
turn() {
	file=$1 format=$2
	shift 2
	run 0 vu create "$@" --size 40M "$file"
	model "$file"
	put "$file" 1000000 data
	run 0 qemu-io -f "$format" -c 'write -P 0xaa 5M 3M' \
		-c 'write -P 0xbb 20M 64K' -c 'write -P 0xcc 1M 4K' "$file"
	for range in 252:5:3072 273:20:64 314:1:4; do
		IFS=: read -r byte at kib <<-R
			$range
		R
		head -c "${kib}K" /dev/zero | tr '\0' "\\$byte" |
			dd of="$model" bs=1M seek="$at" conv=notrunc \
			iflag=fullblock status=none
	done
	agrees "$file"
	put "$file" $((19 * 1024 * 1024 + 17)) data
	put "$file" $((30 * 1024 * 1024)) data
	agrees "$file"
	if [ "$format" = vhdx ]; then
		run 0 qemu-img check -f vhdx "$file"
	fi
	run 0 qemu-img convert -f "$format" -O raw "$file" back
	same back "$model"
	rm back "$model"
}
# QEMU up to 9.2 sees the geometry of some VHDs: 40 MiB is a size it can hold.
turn a.vhd vpc
turn b.vhd vpc --type fixed
turn c.vhdx vhdx
turn d.vhdx vhdx --block-size 1M
turn e.vhdx vhdx --type fixed
