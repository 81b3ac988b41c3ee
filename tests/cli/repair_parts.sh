#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A table larger than what a plan can hold is mended in parts, in bounded memory;
# all of them are taken back by one undo file, and before the first is written
# everything can be called off.
. "$(dirname "$0")/functions.sh"

requires python3
run 0 vu create --size 10T --block-size 1M a.vhdx
python3 - a.vhdx <<'P'
import struct
import sys
import uuid

BAT = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08").bytes_le
with open(sys.argv[1], "r+b") as image:
    image.seek(192 << 10)
    regions = image.read(64 << 10)
    at = regions.index(BAT)
    off, length = struct.unpack_from("<QI", regions, at + 16)
    image.seek(off)
    for _ in range(length >> 20):
        image.write(struct.pack("<Q", 0x8) * (1 << 17))
P
cp --sparse=always a.vhdx before
run 0 vu repair a.vhdx
out_has "allow with: --allow VHDX_BAT_RESERVED"
begun() { sleep 0.05; }
signalled INT "$VHD_UTIL" repair --repair --allow all a.vhdx >"$out" 2>"$err"
# Stopped, or too late to stop.
case $got in
130 | 0) ;;
*) fail "status $got after SIGINT" ;;
esac
if [ $got -eq 130 ]; then
	err_has "vhd-util repair: cancelled"
	absent a.vhdx.undo
	cmp a.vhdx before || fail "a cancelled repair has written"
fi
if [ -e a.vhdx.undo ]; then
	run 0 vu repair --undo a.vhdx.undo
	rm a.vhdx.undo
fi
run 0 vu repair --repair --allow VHDX_BAT_RESERVED a.vhdx
out_has "it is sound"
run 0 vu check --quiet a.vhdx
run 0 vu repair --undo a.vhdx.undo
cmp a.vhdx before || fail "the undo file does not put everything back"
rm a.vhdx.undo
# Memory: an address space that the plan of all of it would not fit into.
if ! ldd "$VHD_UTIL" | grep -q 'lib[au]san'; then
	run 0 python3 -c 'import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (176 << 20, 176 << 20))
os.execv(sys.argv[1], sys.argv[1:])' "$VHD_UTIL" repair --repair \
		--allow VHDX_BAT_RESERVED a.vhdx
fi
