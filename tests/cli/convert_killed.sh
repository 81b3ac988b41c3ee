#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A conversion that is killed, at any call to the system or at any moment, leaves
# nothing under the name of its target, and on file systems that know files
# without a name nothing at all.  One that was to replace a file leaves that.
. "$(dirname "$0")/functions.sh"

requires strace timeout python3
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"
nameless=yes
python3 -c '
import os
os.close(os.open(".", os.O_TMPFILE | os.O_RDWR))' 2>/dev/null || nameless=no

calls=pwrite64,pwritev,ftruncate,fallocate,ioctl,copy_file_range
calls="$calls,sync_file_range,fdatasync,fsync,linkat,?renameat,renameat2,unlinkat"
calls=$calls,close,lseek,pread64
step=3
[ -z "${VHD_SOAK:-}" ] || step=1
[ -z "${VHD_SANITIZE:-}" ] || step=9
killed=0
temps=0
when=0

# The same disk of 9 MiB in every format, dense enough for several threads.
raw_disk disk.raw
truncate -s 9M disk.raw
noise 5500000 >data
patch_blocks disk.raw 6000 <data
rm data
mkdir src
cp disk.raw src/a.raw
run 0 vu convert --type fixed disk.raw src/fixed.vhd
run 0 vu convert disk.raw src/a.vhd
run 0 vu convert --block-size 1M disk.raw src/a.vhdx
run 0 vu snapshot src/a.vhdx src/child.avhdx
echo over | run 0 vu write --offset 3M src/child.avhdx /dev/stdin
run 0 vu convert --format raw src/child.avhdx child.raw

# shows IMAGE RAW: complete, and with these bytes.
shows() {
	run 0 vu convert --no-progress --format raw --no-sync --force "$1" \
		shown
	starts_with shown "$2"
	rm shown
}

# Nothing but what was there; a complete target when the kill came after that.
is_clean() {
	for left in work/* work/.vhd-*; do
		case $left in
		'work/*' | 'work/.vhd-*')
			;;
		work/.vhd-*.tmp)
			temps=$((temps + 1))
			;;
		work/"$target")
			shows "$left" "$bytes"
			;;
		*)
			fail "$left was left behind"
			;;
		esac
	done
}

# convert_at WHEN SOURCE OPTION...: false when it was done before that call.
# Injections of $more come with it.
convert_at() {
	at=$1
	from=$2
	shift 2
	last="convert $from to $target, killed at call $at"
	# shellcheck disable=SC2086
	timeout 60 strace -f -qq -o trace -E ASAN_OPTIONS=detect_leaks=0 \
		-e "trace=openat,$calls" $more \
		-e "inject=$calls:signal=KILL:when=$at" \
		"$VHD_UTIL" convert --no-progress "$@" src/"$from" \
		work/"$target" >"$out" 2>"$err"
}

# each SOURCE TARGET OPTION...: kill at the first call, the second, ...
each() {
	from=$1
	target=$2
	shift 2
	bytes=disk.raw
	[ "$from" != child.avhdx ] || bytes=child.raw
	temps=0
	when=1
	while :; do
		rm -rf work
		mkdir work
		! convert_at $when "$from" "$@" || break
		killed=$((killed + 1))
		is_clean
		when=$((when + step))
		[ $when -lt 2000 ] || fail "it never ends"
	done
	is_clean
	[ -e work/"$target" ] || fail "there is no target"
	[ $nameless = no ] || [ -n "$more" ] || [ $temps -eq 0 ] ||
		fail "$temps temporary names were left behind"
}

more=
each a.raw b.vhdx --block-size 1M
each a.raw b.vhd
each fixed.vhd b.raw
each a.vhd b.vhdx --threads 1
each a.vhdx b.vhd --type fixed --threads 4
each child.avhdx b.raw --threads 8
each a.vhdx c.vhdx --sync --verify

# Where there are no files without a name, a temporary one may stay, hidden.
last="looking for the call that makes the file"
strace -f -qq -o trace -E ASAN_OPTIONS=detect_leaks=0 -e trace=openat \
	"$VHD_UTIL" convert --no-progress --threads 1 --no-sync src/a.vhd \
	found.raw >"$out" 2>"$err" || fail "exit status $?"
rm found.raw
nr=$(wc -l <trace)
at=$(grep openat trace | grep -n O_TMPFILE | head -n 1 | cut -d : -f 1)
[ -n "$at" ] || at=$((nr + 1))
more="-e inject=openat:error=EOPNOTSUPP:when=$at"
old_step=$step
step=3
each a.vhd b.raw --threads 1 --no-sync
echo "without O_TMPFILE, $temps temporary names stayed"
[ $temps -gt 0 ] || fail "there were files without a name after all"
step=$old_step
more=

# What was to be replaced is there until the new one is complete.
replace() {
	target=b.vhdx
	bytes=disk.raw
	temps=0
	when=1
	while :; do
		rm -rf work
		mkdir work
		cp src/child.avhdx work/$target
		! convert_at $when a.raw --force "$@" || break
		killed=$((killed + 1))
		if cmp -s src/child.avhdx work/$target; then
			mv work/$target old
			is_clean
			mv old work/$target
		else
			is_clean
		fi
		[ -e work/$target ] || fail "the old file is gone"
		when=$((when + step))
		[ $when -lt 2000 ] || fail "it never ends"
	done
	is_clean
	# In the one moment in which both have a name (io/outfile.c).
	[ $nameless = no ] || [ $temps -le 1 ] ||
		fail "$temps temporary names were left behind"
}
replace --block-size 1M

# At any moment, with more to do.
rm -rf work src/*
mkdir work
head -c 96M /dev/urandom >src/big.raw
target=c.vhdx
i=0
while [ $i -lt 25 ]; do
	delay=$(awk -v i=$i 'BEGIN { srand(i); print 0.002 + rand() * 0.12 }')
	got=0
	timeout -s KILL "$delay" "$VHD_UTIL" convert --no-progress \
		--threads $((i % 5 + 1)) src/big.raw work/$target \
		>"$out" 2>"$err" || got=$?
	case $got in
	0) ;;
	137) killed=$((killed + 1)) ;;
	*) fail "status $got after SIGKILL" ;;
	esac
	if [ -e work/$target ]; then
		run 0 vu compare src/big.raw work/$target
		rm work/$target
	fi
	[ $nameless = no ] || [ -z "$(ls -A work)" ] ||
		fail "left behind: $(ls -A work)"
	rm -rf work
	mkdir work
	i=$((i + 1))
done
echo "killed $killed times"
