#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# cross.sh ARCH SOURCE-DIR LIST [VARIANT...]
#
# Builds what LIST names for another processor and runs it under qemu-user. Each
# line of LIST is "library FILE" or "PROGRAM FILE...". The program "variants" has
# to name each VARIANT. Skips, and says so, where a compiler or QEMU is missing.
set -euo pipefail

arch=$1 src=$2 list=$3
shift 3

gcc=$arch-linux-gnu-gcc
qemu=$(command -v "qemu-$arch-static" || command -v "qemu-$arch" || true)
if ! command -v "$gcc" >/dev/null || [[ -z $qemu ]]; then
	echo "cross: $gcc and qemu-$arch-static are needed: not tested here"
	exit 77
fi
if ! echo 'int main(void) { return 0; }' |
	"$gcc" -static -x c -o /dev/null - 2>/dev/null; then
	echo "cross: $gcc has no C library for $arch: not tested here"
	exit 77
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags=(-std=c17 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
	-I"$src/tests/cross/include" -I"$src/include" -I"$src/libvhd"
	-I"$src/tests")

# build COMPILER...: the library, then a program for each other line.
build() {
	local kind files name library=()

	rm -rf "$dir/out"
	mkdir "$dir/out"
	while read -r kind files; do
		[[ $kind == library ]] && library+=("$files")
	done <"$list"
	(cd "$dir/out" && "$@" "${flags[@]}" -c "${library[@]}")
	while read -r name files; do
		[[ $name == library ]] && continue
		# shellcheck disable=SC2086 # several files
		"$@" "${flags[@]}" -static -o "$dir/out/$name.program" $files \
			"$dir"/out/*.o
	done <"$list"
}

# run NAME: every program; @1 is for messages.
run() {
	local program count=0

	for program in "$dir"/out/*.program; do
		if ! timeout 300 "$qemu" "$program" >"$dir/log" 2>&1; then
			echo "cross: $1: ${program##*/} failed:"
			tail -n 5 "$dir/log"
			exit 1
		fi
		count=$((count + 1))
	done
	echo "cross: $arch, $1: $count programs"
}

# variants NAME VARIANT...: what this processor has to be able to run.
variants() {
	local who=$1 want

	shift
	"$qemu" "$dir/out/variants.program" >"$dir/log"
	for want in "$@"; do
		if ! grep -qxF "$want" "$dir/log"; then
			echo "cross: $who: no version $want was tested"
			exit 1
		fi
	done
}

build "$gcc"
variants gcc "$@"
run gcc

clang=$(command -v clang || command -v clang-14 || true)
if [[ -n $clang ]]; then
	build "$clang" "--target=$arch-linux-gnu"
	variants clang "$@"
	run clang
fi
