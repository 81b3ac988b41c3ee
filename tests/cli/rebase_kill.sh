#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A rebase, and a relink, that are killed at their writes, flushes and
# cuts: the child opens, shows the same disk, and the same command finishes.
. "$(dirname "$0")/functions.sh"
requires strace
strace -o trace -e trace=fdatasync true 2>/dev/null ||
	skip_host "strace may not trace"
# What the library stores data with; one that does not exist counts nothing.
calls="pwrite64,pwritev,fdatasync,fsync,ftruncate,fallocate"

noise 50000 >a.bin
noise 30000 | tr 0-4 5-9 >b.bin

# shows IMAGE: sound, and the disk of before
shows() {
	run 0 vu check --chain "$1"
	run 0 vu read --force --output back "$1"
	same back child.raw
}

# killed N VERB ARGUMENT...: true when it was
killed() {
	nth=$1
	shift
	got=0
	timeout 60 strace -f -o trace -E ASAN_OPTIONS=detect_leaks=0 \
		-e trace="$calls" \
		-e inject="$calls:signal=KILL:when=$nth" \
		"$VHD_UTIL" "$@" >/dev/null 2>&1 </dev/null || got=$?
	grep -q "killed by SIGKILL" trace
}

step=2
[ -z "${VHD_SOAK:-}" ] || step=1
[ -z "${VHD_SANITIZE:-}" ] || step=3

for f in vhd vhdx; do
	run 0 vu create --size 4M --block-size 1M old.$f
	run 0 vu write old.$f a.bin
	run 0 vu create --size 4M --block-size 1M new.$f
	run 0 vu write --offset 2M new.$f b.bin
	run 0 vu create --parent old.$f child.$f
	run 0 vu write --offset 20000 child.$f b.bin
	run 0 vu create --parent child.$f grand.$f
	run 0 vu read --force --output child.raw child.$f
	cp child.$f start

	n=1
	while :; do
		[ $n -lt 200 ] || fail "there is no end to it"
		cp start child.$f
		killed $n rebase --parent new.$f child.$f || break
		shows child.$f
		run 0 vu rebase --parent new.$f child.$f
		mv old.$f away
		run 0 vu check child.$f
		out_lacks VHD1_DATA_OFFSET_ODD
		out_lacks VHD1_FOOTERS_STEP
		shows child.$f
		shows grand.$f
		mv away old.$f
		n=$((n + step))
	done
	[ $n -gt 8 ] || fail "$f: killed at $n calls only"
	echo "$f: rebase killed up to call $n"

	# Names alone: a chain of three whose lower two were renamed.
	cp start child.$f
	mkdir far
	mv old.$f far/base.$f
	mv child.$f middle.$f
	cp middle.$f start-m
	cp grand.$f start-g
	n=1
	while :; do
		[ $n -lt 200 ] || fail "there is no end to it"
		cp start-m middle.$f
		cp start-g grand.$f
		killed $n relink --search far grand.$f || break
		run 0 vu relink --search far grand.$f
		shows grand.$f
		n=$((n + step))
	done
	[ $n -gt 6 ] || fail "$f: killed at $n calls only"
	echo "$f: relink killed up to call $n"
	rm -rf far ./*.$f
done
