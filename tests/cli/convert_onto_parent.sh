#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A target that is a parent of the source is refused.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw base.$f
	run 0 vu create --parent base.$f mid.$f
	run 0 vu create --parent mid.$f top.$f
	cp base.$f keep
	ln base.$f hard.$f
	for dst in base.$f mid.$f ./base.$f hard.$f; do
		run 1 vu convert --force top.$f "$dst"
		one_sentence convert
	done
	same base.$f keep
	run 0 vu convert top.$f flat.$f
	run 0 vu convert flat.$f -
	starts_with "$out" disk.raw
done
