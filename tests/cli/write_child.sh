#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writing to a differencing image leaves every byte of its parents alone.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
truncate -s 40M disk.raw
noise 700001 >data
for f in vhd vhdx; do
	run 0 vu convert disk.raw base.$f
	run 0 vu create --parent base.$f mid.$f
	run 0 vu write --offset 1000001 mid.$f data
	run 0 vu create --parent mid.$f top.$f
	touch -d '2020-01-01 00:00:00' base.$f mid.$f
	sha256sum base.$f mid.$f >sums
	model top.$f
	put top.$f 0 data
	put top.$f 1100000 data
	put top.$f $((30001 * 512 + 3)) data
	run 0 vu write --zero --offset 2M --length 9M top.$f
	head -c 9M /dev/zero | dd of="$model" bs=1M seek=2 conv=notrunc \
		iflag=fullblock status=none
	put top.$f 5000000 data
	agrees top.$f
	run 0 vu trim --length 40M top.$f
	run 0 vu check --quiet --chain top.$f
	run 0 sha256sum -c --quiet sums
	for p in base.$f mid.$f; do
		[ "$(stat -c %Y "$p")" = "$(date -d '2020-01-01' +%s)" ] ||
			fail "$p was touched"
	done
	rm "$model"
done
# The policy for parents holds for writing as well.
mkdir elsewhere
mv base.vhdx elsewhere
run 1 vu write mid.vhdx data
one_sentence write
err_has "hint: "
run 0 vu write --orphan --parent-dir elsewhere --parent elsewhere/base.vhdx mid.vhdx data
