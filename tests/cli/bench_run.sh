#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bench/run still runs: every group on tiny disks, with the bytes of all results
# compared, a document, plots, and raw data.  Nothing here depends on time.  What
# needs mounts is left out: a test that is killed could not take them away.
tree=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/functions.sh"

PATH=$PATH:/usr/sbin:/sbin
requires python3 mke2fs
bench() {
	timeout 500 "$tree/bench/run" --quick --vhd-util "$VHD_UTIL" \
		--programs "$BENCH_PROGRAMS" --dir "$T" --real "$tree/docs" "$@"
}

mkdir docs
for line in before "<!-- bench/run writes from here -->" old \
	"<!-- to here -->" after; do
	echo "$line"
done >docs/performance.md
run 0 bench --only '^(?!share)' --docs docs --json all.json
out_empty
head -n 2 docs/performance.md | tail -n 1 | grep -q writes ||
	fail "the first mark is gone"
tail -n 1 docs/performance.md | grep -qx after || fail "the end is gone"
! grep -qx old docs/performance.md || fail "the old text is still there"
grep -q "^### Goals" docs/performance.md || fail "no goals"
for plot in docs/plots/*.svg; do
	python3 -c 'import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])' "$plot" || fail "$plot is no XML"
	grep -qF "(plots/${plot##*/})" docs/performance.md ||
		fail "$plot is not shown"
done
python3 - all.json <<'END' || fail "all.json"
import json
import sys

d = json.load(open(sys.argv[1]))
names = {g["name"] for g in d["groups"]}
ways = ["raw-vhdx", "raw-vhd", "raw-fixed", "vhdx-raw", "vhd-raw",
        "vhdx-vhd", "vhd-vhdx"]
for kind, mode in (("dense", "exit"), ("dense", "durable"),
                   ("sparse", "exit"), ("real", "exit")):
    for way in ways:
        assert f"{kind}/{mode}/{way}" in names, (kind, mode, way)
for g in d["groups"]:
    for c in g["contenders"]:
        if c["name"].startswith("vhd-util"):
            assert c["runs"] and not c["note"], (g["name"], c)
        if c["name"] == "vhd-util" and "direction" in g:
            assert c["verified"], (g["name"], c)
assert len(d["goals"]) > 15 and d["inner_loops"]
END
[ -z "$(ls -d vhd-bench.* 2>/dev/null)" ] || fail "disks are left behind"

# What is not there, or not possible, is said in a sentence.
run 1 bench --programs "$T"
err_has "there is no program"
run 1 bench --rounds 0
err_has "--rounds is at least 1"
run 1 bench --size 1000000T
err_has "free in"
echo nothing >docs/performance.md
run 1 bench --only '^micro' --docs docs
err_has "does not have the two lines"
