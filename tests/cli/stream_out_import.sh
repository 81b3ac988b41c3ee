#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A dynamic VHD as a stream is what importers that only read forward expect.
. "$(dirname "$0")/functions.sh"

requires python3
here=$(dirname "$0")
# vhd SOURCE OPTIONS...
vhd() {
	src=$1
	shift
	last="vhd $src $*"
	total=$(vu convert --print-size "$@" "$src" -)
	got=$(vu convert --no-progress "$@" "$src" - |
		python3 -B "$here/forward_vhd.py" back) ||
		fail "an importer would refuse it"
	[ "$got" = "$total" ] || fail "$got bytes came, $total were promised"
	starts_with back disk.raw
}
raw_disk disk.raw
vhd disk.raw --format vhd
vhd disk.raw --for xen
vhd disk.raw --format vhd --block-size 512K
vhd disk.raw --format vhd --block-size 16M
run 0 vu convert disk.raw disk.vhdx
run 0 vu convert --block-size 1M disk.raw small.vhdx
vhd disk.vhdx --format vhd
vhd small.vhdx --for xen
# A chain, with what the parent has and what the child changed.
run 0 vu create --parent small.vhdx child.vhdx
echo changed >new
run 0 vu write --offset 11M child.vhdx new
patch disk.raw 11534336 <new
vhd child.vhdx --format vhd
vhd child.vhdx --for xen
# Nothing in it.
run 0 vu create --size 3G disk2.vhdx
truncate -s 3G empty.raw
mv empty.raw disk.raw
vhd disk2.vhdx --format vhd
vhd disk2.vhdx --for xen
