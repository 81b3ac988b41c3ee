#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --force does not replace the parent of images beside it, unless --orphan does
# (VHD-D-5, VHDX-PAR-19).
. "$(dirname "$0")/functions.sh"

# spares VERB ...: refused, and nothing changed
spares() {
	cp "$target" keep
	run 1 vu "$@"
	one_sentence "$1"
	err_has "the image is the parent of"
	err_has "--orphan"
	same "$target" keep
}

raw_disk disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw other.$f
	run 0 vu convert disk.raw upper.$f
	run 0 vu create --parent upper.$f top.$f
	run 0 vu convert disk.raw base.$f
	run 0 vu create --parent base.$f child.$f
	target=base.$f
	spares create --force --size 64M base.$f
	spares convert --force other.$f base.$f
	spares convert --force disk.raw base.$f
	spares flatten --force top.$f -o base.$f
	spares snapshot --force other.$f base.$f
	spares diff --force other.$f upper.$f -o base.$f
	spares salvage --force other.$f base.$f
	spares read --force --output base.$f other.$f
	spares merge --force -o base.$f top.$f
	ln -s base.$f link.$f
	spares create --force --size 64M link.$f
	run 0 vu check --quiet --chain child.$f
	# Somebody who has no children is replaced as before.
	run 0 vu convert --force disk.raw child.$f
	run 0 vu convert --force other.$f base.$f
	run 0 vu create --force --parent base.$f child.$f
	run 0 vu create --force --orphan --size 64M base.$f
	run 1 vu read --output back child.$f
	rm -f child.$f link.$f top.$f
done

# Xen's raw parents are known by their names.
run 0 vu create --for xen --raw-parent --parent disk.raw xen.vhd
target=disk.raw
spares convert --force other.vhd disk.raw
spares read --force --output disk.raw other.vhd
run 0 vu read --force --orphan --output disk.raw other.vhd
