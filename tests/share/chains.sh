#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# chains.sh KIND
#
# A chain that becomes one image shares the blocks of all of its layers.
. "$(dirname "$0")/functions.sh"
requires sha256sum

share_fs "$1" 4G
size=$((VHD_SHARE_SIZE * 1048576))
limit=$((size / 20))
dense src.raw "$VHD_SHARE_SIZE"
head -c $((size / 4)) /dev/urandom >noise

for format in vhd vhdx; do
	run 0 vu convert --no-progress src.raw "base.$format"
	run 0 vu snapshot "base.$format" "child.$format"
	run 0 vu write --no-progress --offset $((size / 8)) \
		"child.$format" noise
	run 0 vu snapshot "child.$format" "top.$format"
	run 0 vu write --no-progress --offset $((size / 4)) \
		"top.$format" noise
	sum=$(sum_of "top.$format")
	for dst in flat.raw flat.vhdx flat.vhd; do
		new_space vu convert --json --no-progress "top.$format" "$dst"
		shared 99
		within "$dst: new space" "$grown" "$limit"
		sound "$dst"
		[ "$(sum_of "$dst" | head -c 64)" = "$(echo "$sum" |
			head -c 64)" ] || fail "$dst has other bytes"
		rm "$dst"
	done
	[ "$(sum_of "top.$format")" = "$sum" ] || fail "the chain has changed"
	run 0 vu check --chain "top.$format"
	rm -- *."$format"
	settle
done
