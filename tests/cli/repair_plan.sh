#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A plan says what would be done and how, and changes nothing.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

damaged_vhd a.vhd
damaged_vhdx a.vhdx
overlapping_vhd b.vhd 4
for image in a.vhd a.vhdx; do
	state $image >before
	run 0 vu repair $image
	err_empty
	out_has "$image: this would be done:"
	out_has "  1. "
	out_has "it would be sound"
	out_has "next: vhd-util repair --repair $image"
	cp "$out" default
	run 0 vu repair --plan $image
	same "$out" default
	state $image >after
	same before after
done
run 3 vu repair b.vhd
out_has "this could be done too, if you allow it:"
out_has "allow with: --allow VHD1_BLOCK_OVERLAP, or --allow VHD1_BLOCK_OVERLAP=first, or --allow VHD1_BLOCK_OVERLAP=second"
out_has "nothing is done without consent; it is damaged"
run 0 vu repair --allow VHD1_BLOCK_OVERLAP b.vhd
out_has "next: vhd-util repair --repair --allow VHD1_BLOCK_OVERLAP b.vhd"
run 0 vu repair --allow vhd-k-33=copy b.vhd
run 0 vu repair --allow all b.vhd
absent a.vhd.undo a.vhdx.undo b.vhd.undo
run 0 vu create --size 16M sound.vhdx
run 0 vu repair sound.vhdx
out_has "sound.vhdx: nothing to mend; it is sound"
out_lacks "next:"
