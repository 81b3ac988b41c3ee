#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# modify, set and key, killed before each of their calls that change
# a file: check and query take what is left as it is, but for the moment between
# the two footers of set, and the same call again finishes.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

requires strace python3
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

vu create -n base.vhd -s 16
pattern base.vhd 0 8 BASE
vu create -n other-parent.vhd -s 16
pattern other-parent.vhd 0 8 BASE
vu snapshot -n orig.vhd -p base.vhd
pattern orig.vhd 4096 4096 FULL
pattern orig.vhd 9000 8 LEAF
end=$(bytes_of orig.vhd)
vu snapshot -n empty.vhd -p base.vhd
calls=pwrite64,ftruncate,fallocate

# killed LEAST PARTS ARGUMENT...: at each change; PARTS: the footers may differ
killed() {
	least=$1 parts=$2 orig=$3
	shift 3
	when=1
	while :; do
		cp "$orig" it.vhd
		status=0
		strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -o trace \
			-e trace=$calls -e "inject=$calls:signal=KILL:when=$when" \
			"$VHD_UTIL" "$@" >"$out" 2>&1 || status=$?
		[ "$status" -ne 0 ] || break
		run 0 vu query -n it.vhd -vpf
		if ! vu check -n it.vhd >"$out"; then
			[ "$parts" = yes ] || fail "$* $when: $(head -1 "$out")"
			expect_first 'primary and backup footers do not match'
			parted=$((parted + 1))
		fi
		run 0 vu "$@"
		run 0 vu check -n it.vhd
		when=$((when + 1))
		[ "$when" -lt 100 ] || fail "there are too many calls"
	done
	[ "$when" -gt "$least" ] || fail "$*: $((when - 1)) kills"
	echo "$1: $((when - 1)) kills"
}

parted=0
killed 6 no orig.vhd modify -n it.vhd -p other-parent.vhd
killed 1 no orig.vhd modify -n it.vhd -s $((end + 4096))
killed 2 no orig.vhd modify -n it.vhd -z
killed 1 no empty.vhd key -s -n it.vhd \
	-H "$(printf '%064d' 7)" -N "$(printf '%064d' 9)"
killed 1 no orig.vhd set -n it.vhd -f marker -v 3
same "$parted" 0 "footers that differ"
killed 2 yes orig.vhd set -n it.vhd -f hidden -v 1
same "$parted" 1 "footers that differ"
echo ok
