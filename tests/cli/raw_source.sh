#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A raw disk needs no flag unless its name promises an image.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
run 0 vu convert disk.raw a.vhdx
cp disk.raw noname
run 0 vu convert noname b.vhdx
run 0 vu convert b.vhdx -
starts_with "$out" disk.raw
for e in vhd vhdx avhd avhdx VHD VhdX; do
	cp disk.raw liar.$e
	run 1 vu convert liar.$e out.vhdx
	one_sentence convert
	err_has "hint: a raw disk of that name is taken with --source-format raw"
	absent out.vhdx
	run 0 vu convert --source-format raw liar.$e out.vhdx
	rm out.vhdx
done
# An image under a raw name is still an image, unless the caller insists.
cp a.vhdx image.raw
run 0 vu convert image.raw -
starts_with "$out" disk.raw
run 0 vu convert --source-format raw image.raw copy.raw
starts_with copy.raw a.vhdx
