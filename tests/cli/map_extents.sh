#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# map lists extents without gaps, in text and in JSON.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk disk.raw
for f in a.vhd a.vhdx a-f.vhd; do
	case $f in a-f.vhd) opts="--type fixed" ;; *) opts= ;; esac
	# shellcheck disable=SC2086
	run 0 vu convert $opts disk.raw $f
	run 0 vu map --json $f
	err_empty
	json_is '[d[0]["start"] == 0,
		all(a["start"] + a["length"] == b["start"]
			for a, b in zip(d, d[1:])),
		d[-1]["start"] + d[-1]["length"] >= 37 * 1048576 + 1536,
		all(e["data"] != e["zero"] for e in d),
		all((e["offset"] is not None) == e["data"] for e in d),
		any(e["data"] for e in d)]' "[True, True, True, True, True, True]"
	n=$(json "$out" 'len(d)')
	cp "$out" map.json
	# The extents say the truth: follow them by hand.
	python3 - $f map.json disk.raw <<'P' || fail "the extents of $f lie"
import json, sys
img, disk = open(sys.argv[1], "rb"), open(sys.argv[3], "rb").read()
for e in json.load(open(sys.argv[2])):
    have = bytes(e["length"])
    if e["data"]:
        img.seek(e["offset"])
        have = img.read(e["length"]).ljust(e["length"], b"\0")
    want = disk[e["start"]:e["start"] + e["length"]].ljust(e["length"], b"\0")
    assert have == want, e
P
	run 0 vu map $f
	[ "$(wc -l <"$out")" -eq $((n + 1)) ] || fail "other rows than extents"
	run 0 vu map --json --start 1M --length 3M $f
	json_is 'd[0]["start"], d[-1]["start"] + d[-1]["length"]' \
		"(1048576, 4194304)"
	run 0 vu map --json --start 36M --length 1T $f
	run 1 vu map --start 1T $f
	one_sentence map
done
