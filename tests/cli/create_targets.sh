#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --for sets what the target demands.
. "$(dirname "$0")/functions.sh"

requires python3
run 0 vu create --size 10M --for azure a.vhd
run 0 vu info --json a.vhd
json_is 'd["image"]["type"]' fixed
json_is 'd["image"]["virtual_size"]' $((20 << 20))
run 0 vu create --size 21000000 --for Azure a2.vhd
run 0 vu info --json a2.vhd
json_is 'd["image"]["virtual_size"]' $((21 << 20))
run 1 vu create --size 33T --for azure large.vhd
one_sentence create
err_has "azure takes disks up to 32 TiB"
absent large.vhd
run 0 vu create --size 1G --for xen x.vhd
run 0 vu info --json x.vhd
json_is 'd["image"]["vhd"]["creator_app"].rstrip("?\0")' tap
json_is 'd["image"]["vhd"]["has_batmap"]' True
run 0 vu create --size 1G --for wsl w.vhdx
run 0 vu info --json w.vhdx
json_is 'd["image"]["block_size"]' 1048576
run 0 vu create --size 1G --for hyperv h.vhdx
run 0 vu info --json h.vhdx
json_is 'd["image"]["format"]' vhdx
for f in a.vhd x.vhd w.vhdx h.vhdx; do
	run 0 vu check $f
done
