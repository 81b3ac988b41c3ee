#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A target that is the source, by whatever name, is refused.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
mkdir sub
for f in vhd vhdx; do
	run 0 vu convert disk.raw a.$f
	cp a.$f keep
	ln a.$f hard.$f
	ln -s a.$f soft.$f
	ln -s .. sub/up
	for dst in a.$f ./a.$f sub/../a.$f hard.$f soft.$f sub/up/a.$f \
		"$PWD/a.$f"; do
		run 1 vu convert --force a.$f "$dst"
		out_empty
		one_sentence convert
		same a.$f keep
	done
	run 1 vu convert --force soft.$f a.$f
	one_sentence convert
	same a.$f keep
	rm sub/up
done
run 1 vu convert --force disk.raw disk.raw
one_sentence convert
