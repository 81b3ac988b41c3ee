#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs a fuzz driver with libFuzzer: scripts/fuzz.sh DRIVER [SECONDS]
#
# Builds with clang in build-fuzz (or $VHD_FUZZ_BUILD) beside the sources, grows
# a private corpus there, and starts from the committed one.  Crashing inputs
# are left in the build directory and named at the end.  "all" runs every
# driver; "min" as third argument adds what is new to the committed corpus,
# without what is covered already.
set -eu

usage() {
	echo "usage: scripts/fuzz.sh DRIVER|all [SECONDS] [min]" >&2
	exit 2
}

case $# in 1|2|3) ;; *) usage ;; esac
driver=$1
seconds=${2:-60}
min=${3:-}
top=$(cd "$(dirname "$0")/.." && pwd)
build=${VHD_FUZZ_BUILD:-$top/build-fuzz}
corpus=$top/fixtures/corpus

if [ "$driver" = all ]; then
	status=0
	for dir in "$corpus"/*/; do
		"$0" "$(basename "$dir")" "$seconds" "$min" || status=1
	done
	exit $status
fi
[ -d "$corpus/$driver" ] || { echo "no driver $driver" >&2; usage; }

if [ ! -e "$build/build.ninja" ]; then
	CC=${CC:-clang} cmake -S "$top" -B "$build" -G Ninja \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DVHD_FUZZ=ON \
		-DVHD_SANITIZE=address,undefined -DVHD_TOOLS=OFF
fi
ninja -C "$build" "fuzz_$driver" >&2

work=$build/corpus/$driver
mkdir -p "$work" "$build/crashes"
status=0
"$build/tests/fuzz/fuzz_$driver" -max_total_time="$seconds" -timeout=10 \
	-rss_limit_mb=2048 -print_final_stats=1 \
	-dict="$top/tests/fuzz/vhd.dict" \
	-artifact_prefix="$build/crashes/$driver-" \
	"$work" "$corpus/$driver" || status=$?
if [ "$min" = min ] && [ $status -eq 0 ]; then
	"$build/tests/fuzz/fuzz_$driver" -merge=1 -max_len=65536 \
		"$corpus/$driver" "$work"
fi
find "$build/crashes" -name "$driver-*" -print
exit $status
