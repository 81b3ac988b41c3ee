#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Disks with 4096-byte sectors convert with the same bytes.
. "$(dirname "$0")/functions.sh"

truncate -s 40M disk.raw
seq 1 100000 | patch_blocks disk.raw 9
seq 1 100000 | patch_blocks disk.raw 65000
run 0 vu convert --logical-sector 4096 --block-size 1M disk.raw a.vhdx
run 0 vu check a.vhdx
run 0 vu convert a.vhdx -
same "$out" disk.raw
run 0 vu convert a.vhdx b.vhd
run 0 vu convert b.vhd -
same "$out" disk.raw
