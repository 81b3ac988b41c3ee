#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test.sh
#
# From a fresh Debian 12 to all tests: installs what is missing, builds the
# release tree and the one with AddressSanitizer and UBSan, runs every test in
# the first and those of labels unit, fuzz, mutate, cli, classic, fuse and nbdkit
# in the second, without the slow ones of classic.  The last line says how many
# passed.
#
# With CI=true compiler warnings are errors, and a test that was skipped counts
# as failed, unless nothing that can be installed would let it run.
set -euo pipefail

cd "$(dirname "$0")/.."
jobs=$(nproc)
results=build/test-results
options=(-DBUILD_TESTING=ON)
[[ ${CI-} == true ]] && options+=(-DVHD_WERROR=ON)

heading()
{
	printf '\n== %s\n' "$*"
}

# build PRESET: quiet unless it fails.
build()
{
	local log=$results/build-$1.log

	heading "Building: $1"
	if ! scripts/build.sh "$1" "${options[@]}" >"$log" 2>&1; then
		grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" |
			tail -n 200
		echo "test.sh: the $1 tree does not build." >&2
		exit 1
	fi
	tail -n 1 "$log"
}

# tests PRESET [CTEST-OPTION...]: failures are counted at the end.
tests()
{
	local preset=$1
	shift

	heading "Testing: $preset"
	ctest --preset "$preset" --parallel "$jobs" \
		--output-junit "$PWD/$results/$preset.xml" "$@" || true
}

heading "Installing what is missing"
scripts/install-deps.sh

rm -rf "$results"
mkdir -p "$results"
build release
build asan
tests release
tests asan -L '^(unit|fuzz|mutate|cli|classic|fuse|nbdkit)$' -LE '^slow$'

heading "Totals"
python3 -B scripts/test-totals.py "$results/release.xml" "$results/asan.xml"
