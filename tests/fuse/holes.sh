#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# holes.sh FORMAT
#
# Holes are where the image has none of the disk, for SEEK_HOLE as for
# vhd-util map, and for copies and du.
. "$(dirname "$0")/functions.sh"

requires qemu-img python3
raw_disk model
truncate -s 48M model
run 0 vu convert --block-size 1M --format "$1" model "base.$1"
run 0 vu create --parent "base.$1" "child.$1"
seq 30000 | patch_blocks more 0
for n in 7 60 12345 60001; do
	run 0 vu write --offset $((n * 512)) "child.$1" more
done

agree() {
	run 0 vu map --json "$1"
	cp "$out" ours
	up "$@"
	run 0 timeout 60 qemu-img map -f raw --output=json m/disk.raw
	cp "$out" theirs
	python3 - <<'P' || fail "two maps of $1"
import json
def runs(name):
    out = []
    for e in json.load(open(name)):
        if out and out[-1][2] == e["data"]:
            out[-1][1] += e["length"]
        else:
            out.append([e["start"], e["length"], e["data"]])
    return out
ours, theirs = runs("ours"), runs("theirs")
assert ours == theirs and len(ours) > 2, (ours, theirs)
P
	data=$(json ours 'sum(e["length"] for e in d if e["data"])')
	[ "$(allocated m/disk.raw)" -eq $((data / 1024)) ] ||
		fail "du of the disk is $(allocated m/disk.raw), not $data B"
	for how in auto always; do
		timeout 60 cp --sparse=$how m/disk.raw copy
		same copy m/disk.raw
		du_at_most copy $((data / 1024 + 64)) || fail "cp --sparse=$how"
		rm copy
	done
	[ "$(stat -f -c %s,%S m)" = 4096,4096 ] || fail "f_bsize"
	[ "$(stat -c %o m/disk.raw)" = 4096 ] || fail "st_blksize"
	down m
}
agree "base.$1" m -r
agree "child.$1" m
