#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test.sh [--soak]
#
# From a fresh Debian 12 to all tests: installs what is missing, builds the
# release tree and the one with AddressSanitizer and UBSan, runs every test in
# the first and those of labels unit, fuzz, mutate, cli, classic, fuse and nbdkit
# in the second, without the slow ones of cli and classic.  The last line says how
# many passed.
#
# --soak: tests that draw from seeds, or kill a program at each of its calls, run at
# their full length: hours instead of minutes.
#
# Where there is memory for it, root's tests work on an ext4 in memory: they make,
# flush and delete many files, and how fast a disk flushes is nothing they judge.
#
# With CI=true compiler warnings are errors, and a test that was skipped counts
# as failed, unless nothing that can be installed would let it run.
set -euo pipefail

cd "$(dirname "$0")/.."
jobs=$(nproc)
results=build/test-results
options=(-DBUILD_TESTING=ON)
[[ ${CI-} == true ]] && options+=(-DVHD_WERROR=ON)
case ${1-} in
"") options+=(-DVHD_SOAK=OFF) ;;
--soak) options+=(-DVHD_SOAK=ON) ;;
*)
	echo "Usage: test.sh [--soak]" >&2
	exit 2
	;;
esac

heading()
{
	printf '\n== %s\n' "$*"
}

# in_memory: TMPDIR is a file system in memory, if that can be had.
in_memory()
{
	local available disk where

	[[ $(id -u) -eq 0 && -d /dev/shm && -z ${TMPDIR-} ]] || return 0
	available=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' \
		/proc/meminfo)
	((available >= 16)) || return 0
	disk=$(mktemp /dev/shm/vhd-tests.XXXXXX) || return 0
	where=$(mktemp -d /tmp/vhd-tests.XXXXXX)
	if truncate -s 12G "$disk" && mkfs.ext4 -q -F "$disk" &&
		mount -o loop,discard "$disk" "$where"; then
		chmod 1777 "$where"
		export TMPDIR=$where
		trap 'umount -l "$TMPDIR" && rmdir "$TMPDIR"' EXIT
		heading "The tests work in memory: $where"
	else
		rmdir "$where"
	fi
	# It is there as long as it is mounted.
	rm "$disk"
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
in_memory
tests release
tests asan -L '^(unit|fuzz|mutate|cli|classic|fuse|nbdkit)$' -LE '^slow$'

heading "Totals"
python3 -B scripts/test-totals.py "$results/release.xml" "$results/asan.xml"
