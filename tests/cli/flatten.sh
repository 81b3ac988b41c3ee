#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A chain becomes one image with the same bytes; nothing of it changes.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
truncate -s 40M disk.raw
noise 700001 >data
for f in vhd vhdx; do
	run 0 vu convert --block-size 1M disk.raw base.$f
	run 0 vu snapshot base.$f one.a$f
	run 0 vu write --offset 1000001 one.a$f data
	run 0 vu snapshot one.a$f two.a$f
	run 0 vu write --offset 9000000 two.a$f data
	run 0 vu write --zero --offset 5M --length 7M two.a$f
	sha256sum base.$f one.a$f two.a$f >sums
	run 0 vu convert --format raw --force two.a$f want
	run 0 vu flatten two.a$f -o flat.$f
	silent
	run 0 vu info --json flat.$f
	json_is 'd["image"]["type"]' dynamic
	json_is 'd["image"]["has_parent"]' False
	run 0 vu convert --format raw --force flat.$f got
	same got want
	run 0 vu check --deep flat.$f
	run 0 sha256sum -c --quiet sums
	# Another format, another type.
	run 0 vu flatten --json --type fixed two.a$f -o fixed.$f
	json_is 'd["layers"]' 3
	run 0 vu flatten two.a$f -o flat.raw
	same flat.raw want
	run 0 vu flatten -O raw two.a$f -o flat
	same flat want
	run 0 vu flatten --force two.a$f -o flat
	run 0 vu info flat
	out_has "flat: dynamic"
	if command -v qemu-img >/dev/null; then
		kind=vhdx
		[ $f = vhdx ] || kind=vpc
		run 0 qemu-img convert -f $kind -O raw flat.$f got
		same got want
	fi
	rm -f flat flat.* fixed.* got want
	# What is there stays; the chain's own files are never replaced.
	run 1 vu flatten two.a$f -o one.a$f
	run 1 vu flatten --force two.a$f -o base.$f
	one_sentence flatten
	run 0 sha256sum -c --quiet sums
done
run 2 vu flatten two.avhdx
usage_error flatten
