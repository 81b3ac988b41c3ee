#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --size grows the disk with zeros and never cuts it.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in a.vhd a.vhdx a2.raw; do
	run 0 vu convert --size 64M disk.raw $f
	run 0 vu convert $f -
	[ "$(stat -c %s "$out")" -eq 67108864 ] || fail "$f is not 64 MiB"
	starts_with "$out" disk.raw
	run 1 vu convert --size 36M disk.raw small-$f
	one_sentence convert
	absent small-$f
done
