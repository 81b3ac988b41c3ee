#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A merge that is killed at any call to its files leaves the merged image as it
# was, or done; the same command finishes it.
. "$(dirname "$0")/functions.sh"

requires strace
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

# Not every machine has the older call.
calls=pwrite64,pwritev,ftruncate,fallocate,fdatasync,fsync,linkat
calls="$calls,?unlink,unlinkat"
noise 150001 >data
prepare() {
	run 0 vu create --size 6M made/base."$1"
	run 0 vu write --offset 100000 made/base."$1" data
	run 0 vu snapshot made/base."$1" made/one.a"$1"
	run 0 vu write --offset 200000 made/one.a"$1" data
	run 0 vu snapshot --size 8M made/one.a"$1" made/two.a"$1"
	run 0 vu write --offset 6500000 made/two.a"$1" data
	run 0 vu write --zero --offset 1M --length 3M made/two.a"$1"
	run 0 vu snapshot made/two.a"$1" made/leaf.a"$1"
	run 0 vu write --offset 3000000 made/leaf.a"$1" data
	run 0 vu convert --format raw made/two.a"$1" want
	run 0 vu convert --format raw made/leaf.a"$1" leaf.want
}

# merge WHEN FORMAT OPTION...
merge() {
	at=$1
	format=$2
	shift 2
	timeout 60 strace -f -qq -o trace -E ASAN_OPTIONS=detect_leaks=0 \
		-e trace="$calls" \
		-e inject="$calls:signal=KILL:when=$at" \
		"$VHD_UTIL" merge --into work/base."$format" --delete "$@" \
		work/two.a"$format" >/dev/null 2>&1
}

shows() {
	run 0 vu convert --format raw --force "$1" got
	same got "$2"
}

# Sound, or nothing else is wrong than that two disks are in it.
check_mixture() {
	if ! vu check "$1" >/dev/null 2>&1; then
		run 3 vu check "$1"
		out_has "mixture of two disks"
		out_has "1 error"
		out_lacks "fatal"
	fi
}

# What is left: the chain as it was, or the ancestor in its place.
is_whole() {
	if vu convert --format raw --force work/two.a"$1" got >/dev/null 2>&1
	then
		same got want
		shows work/leaf.a"$1" leaf.want
		check_mixture work/base."$1"
	else
		shows work/base."$1" want
		run 0 vu check work/base."$1"
	fi
}

# finish FORMAT OPTION...
finish() {
	format=$1
	shift
	if [ -e work/two.a"$format" ]; then
		run 0 vu merge "$@" --into work/base."$format" --delete \
			work/two.a"$format"
	fi
	shows work/base."$format" want
	shows work/leaf.a"$format" leaf.want
	run 0 vu check --chain work/leaf.a"$format"
	absent work/one.a"$format" work/two.a"$format" \
		work/base."$format".merge
}

killed=0
step=5
[ -z "${VHD_SOAK:-}" ] || step=2
[ -z "${VHD_SANITIZE:-}" ] || step=7

# kill_all FORMAT OPTION...
kill_all() {
	rm -rf made want leaf.want
	mkdir made
	prepare "$1"
	when=1
	while :; do
		rm -rf work
		cp -a made work
		! merge $when "$@" || break
		killed=$((killed + 1))
		is_whole "$1"
		finish "$@"
		when=$((when + step))
		[ $when -lt 500 ] || fail "it never ends"
	done
	finish "$@"
}

kill_all vhd
kill_all vhdx
# Where no identity tells that all is done.
kill_all vhd --keep-id
echo "killed $killed times"
