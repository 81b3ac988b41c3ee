#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# formats.sh KIND [OPTION OF MKFS]...
#
# Conversions between two images on one file system that shares blocks take no new
# space, whatever the formats; the images are sound, have the right bytes, and
# from then on each has its own.
. "$(dirname "$0")/functions.sh"
requires sha256sum cmp

fs=$1
shift
share_fs "$fs" 4G "$@"
size=$((VHD_SHARE_SIZE * 1048576 + 3 * 512))
limit=$((size / 20))
dense src.raw "$VHD_SHARE_SIZE" 1536
sum=$(sum_of_file src.raw)

conv() { vu convert --json --no-progress "$@"; }

# made SRC DST [OPTION]...: converted, without new space, and right.
made() {
	src=$1 dst=$2
	shift 2
	new_space conv "$@" "$src" "$dst"
	shared 99
	within "$src to $dst: new space" "$grown" "$limit"
	within "$dst: space" "$(space_of "$dst")" $((size + limit))
	sound "$dst"
	vu convert --no-progress -O raw "$dst" - | cmp -s -n "$size" - src.raw ||
		fail "$dst has other bytes"
}

made src.raw fixed.vhd --type fixed
made src.raw dynamic.vhd --type dynamic
made src.raw dynamic.vhdx --type dynamic
made src.raw small.vhdx --type dynamic --block-size 1M
made src.raw fixed.vhdx --type fixed
made src.raw copy.raw -O raw
made dynamic.vhdx of-vhdx.raw
made fixed.vhdx of-fixed.raw
made dynamic.vhd of-vhd.raw
made fixed.vhd of-fixed-vhd.raw
made dynamic.vhdx of-vhdx.vhd --type dynamic
made dynamic.vhdx of-vhdx-fixed.vhd --type fixed
made dynamic.vhd of-vhd.vhdx
made small.vhdx of-small.vhdx
same of-vhdx.raw of-fixed.raw
[ "$(sum_of_file src.raw)" = "$sum" ] || fail "the source has changed"

# What was shared is shared no more when one side is written to.
was=$(sum_of dynamic.vhdx)
echo changed | patch src.raw 5000000
dd if=/dev/urandom of=src.raw bs=1M count=8 seek=20 conv=notrunc status=none
settle
[ "$(sum_of dynamic.vhdx)" = "$was" ] || fail "a write to the source shows"
[ "$(sum_of fixed.vhd)" != "$(sum_of_file src.raw)" ] || fail "nothing written"
sum=$(sum_of_file src.raw)
dd if=/dev/urandom bs=1M count=9 status=none >noise
run 0 vu write --no-progress --offset 12345678 dynamic.vhdx noise
settle
[ "$(sum_of dynamic.vhdx)" != "$was" ] || fail "nothing was written"
[ "$(sum_of of-vhdx.raw)" = "$was" ] || fail "a write to one image shows"
[ "$(sum_of_file src.raw)" = "$sum" ] || fail "a write to the target shows"
run 0 vu check --deep dynamic.vhdx

# And nothing is shared where nobody wants it.
new_space conv --no-share src.raw plain.vhdx
[ "$(number shared_bytes)" -eq 0 ] || fail "--no-share shares"
[ "$grown" -ge $((size - limit)) ] || fail "--no-share takes $grown bytes only"
within "--no-share: space" "$(space_of plain.vhdx)" $((size + limit))
