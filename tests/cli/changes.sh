#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# changes lists what layers hold and where two disks differ: with the old disk
# and the listed ranges, a backup program makes the new disk.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk base.raw
noise 300000 >n1
noise 5000 >n2

# apply OLD LIST NEW: the old disk with the listed ranges of the new one.
apply() {
	python3 - "$1" "$2" "$3" <<'P' || fail "the ranges do not make $3"
import json, sys
old = bytearray(open(sys.argv[1], "rb").read())
new = open(sys.argv[3], "rb").read()
end = 0
for e in json.load(open(sys.argv[2])):
    assert e["start"] >= end and e["length"] > 0, e
    end = e["start"] + e["length"]
    old[e["start"]:end] = new[e["start"]:end]
old += bytes(len(new) - len(old))
assert old[:len(new)] == new
P
}

for ext in vhd vhdx; do
	run 0 vu convert base.raw base.$ext
	for step in 1 2 3; do
		parent=base.$ext
		[ $step = 1 ] || parent=s$((step - 1)).$ext
		run 0 vu create --parent $parent s$step.$ext
		run 0 vu write --offset $((step * 3000000)) s$step.$ext n1
		run 0 vu write --offset $((step * 7000)) s$step.$ext n2
	done
	run 0 vu write --zero --offset 10M --length 3M s3.$ext
	for f in base s1 s2 s3; do
		run 0 vu convert --format raw $f.$ext $f.disk
	done
	run 0 vu changes --json s3.$ext
	err_empty
	cp "$out" list
	apply s2.disk list s3.disk
	run 0 vu changes --layers 3 --json s3.$ext
	cp "$out" list
	json_is '(all(e["layer"] < 3 for e in d),
		any(e["layer"] == 2 for e in d),
		all((e["offset"] is None) == e["zero"] for e in d))' \
		"(True, True, True)"
	apply base.disk list s3.disk
	# All layers make the disk out of nothing.
	run 0 vu changes --layers 4 --json s3.$ext
	cp "$out" list
	: >nothing
	truncate -s "$(stat -c %s s3.disk)" nothing
	apply nothing list s3.disk
	# By comparing: the ranges are exact.
	run 0 vu changes --json s1.$ext s3.$ext
	cp "$out" list
	apply s1.disk list s3.disk
	python3 - <<'P' || fail "a range without a difference"
import json
a, b = open("s1.disk", "rb").read(), open("s3.disk", "rb").read()
for e in json.load(open("list")):
    for at in range(e["start"], e["start"] + e["length"], 4096):
        assert a[at:at + 4096] != b[at:at + 4096], at
P
	run 0 vu changes s3.$ext
	[ "$(tail -n 1 "$out" | cut -d ' ' -f 2 | tr -d ,)" != "" ] ||
		fail "no totals"
	rm ./*.disk
done

# An untouched snapshot holds nothing.
run 0 vu create --parent base.vhdx fresh.avhdx
run 0 vu changes --json fresh.avhdx
json_is 'd' "[]"
run 0 vu changes fresh.avhdx
out_has "0 extents"
run 1 vu changes --layers 3 fresh.avhdx
one_sentence changes
err_lacks "warning"
err_has "the chain has 2 layers, not 3"
run 2 vu changes --layers 0 fresh.avhdx
usage_error changes
run 2 vu changes --layers 1 fresh.avhdx base.vhdx
usage_error changes

# On a terminal each row begins a line of its own, with the bar gone. A reader
# that pauses after the first byte makes it long enough for a bar.
if command -v script >/dev/null 2>&1; then
	run 0 vu create --size 32M old.vhdx
	run 0 vu create --size 32M new.vhdx
	python3 -c 'print(end=("x" * 4096 + "\0" * 4096) * 4096)' >data
	run 0 vu write new.vhdx data
	export VHD_UTIL
	TERM=xterm script -qec "'$VHD_UTIL' changes old.vhdx new.vhdx" \
		/dev/null 2>&1 </dev/null | {
		dd bs=1 count=1 status=none
		sleep 1
		cat
	} >"$out"
	out_has "4096 extents, 16 MiB"
	out_has "% ["
	# What is left of a line when all that was wiped is gone.
	tr -d '\r' <"$out" | sed 's/.*\x1b\[K//' >seen
	[ "$(grep -c '^0x' seen)" -eq 4096 ] ||
		fail "rows are glued to the bar"
fi
