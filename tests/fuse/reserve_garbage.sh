#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Reserving space shows nobody what lies under the clear bits of a block, where
# other programs may have left anything (VHD-B).
. "$(dirname "$0")/functions.sh"

run 0 vu create --size 8M disk.vhd
printf X >byte
"$VHD_UTIL" write --length 1 disk.vhd <byte >"$out" 2>"$err" || fail "write"
data=$("$VHD_UTIL" map --json disk.vhd |
	sed -n 's/.*"start": 0,.*"offset": \([0-9]*\)}.*/\1/p')
[ -n "$data" ] || fail "the block has no place"
# One bit is set; the place of all other sectors is full of dirt.
head -c 512 /dev/zero >bits
printf '\200' | dd of=bits conv=notrunc status=none
poke bits disk.vhd $((data - 512))
head -c 64K /dev/urandom >dirt
poke dirt disk.vhd $((data + 512))
up disk.vhd m
run 0 timeout 120 fallocate --length 8M m/disk.raw
down m
run 0 vu read --offset 512 --length 2M --output back disk.vhd
head -c 2M /dev/zero >zeros
same back zeros
