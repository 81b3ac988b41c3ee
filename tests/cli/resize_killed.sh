#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A resize that is killed leaves a sound image with all its bytes, and the same
# command finishes it.
. "$(dirname "$0")/functions.sh"

PATH=$PATH:/usr/sbin:/sbin
requires strace sfdisk sgdisk python3
strace -o trace true 2>/dev/null || skip_host "strace may not trace"

calls=write,pwrite64,ftruncate,fallocate,fdatasync,fsync

truncate -s 40M gpt.raw
printf 'label: gpt\nsize=8M\nsize=20M\n' |
	sfdisk -q --no-reread --no-tell-kernel gpt.raw
noise 200000 >data
dd if=data of=gpt.raw bs=1M seek=3 conv=notrunc status=none
dd if=data of=gpt.raw bs=1M seek=28 conv=notrunc status=none
# Between the tables nothing changes.
inside() {
	vu convert --force --no-sync "$1" back.raw
	cmp -s -i $((1 << 20)) -n $((28 << 20)) back.raw gpt.raw ||
		fail "$1 has other bytes"
}

step=2
[ -z "${VHD_SOAK:-}" ] || step=1

# killed IMAGE SIZE MIB: at its calls; then it has that many bytes.
killed() {
	cp "$1" original
	times=0
	call=1
	while :; do
		cp original "$1"
		got=0
		timeout 60 strace -f -o trace -E ASAN_OPTIONS=detect_leaks=0 \
			-e trace=$calls \
			-e inject=$calls:signal=KILL:when=$call \
			"$VHD_UTIL" resize --fix-gpt "$1" "$2" >/dev/null 2>&1 ||
			got=$?
		[ $got -ne 0 ] || break
		[ $call -lt 200 ] || fail "the calls do not end"
		run 0 vu check --quiet "$1"
		inside "$1"
		run 0 vu resize --fix-gpt "$1" "$2"
		run 0 vu check --quiet "$1"
		inside "$1"
		run 0 sgdisk -v back.raw
		out_has "No problems found."
		[ "$(stat -c %s back.raw)" -eq $(($3 << 20)) ] ||
			fail "killed at call $call, $1 has another size"
		times=$((times + 1))
		call=$((call + step))
	done
	[ $times -ge 3 ] || fail "$1 was killed $times times only"
	echo "$1 to $2: killed $times times"
}

for f in fixed.vhd dynamic.vhd dynamic.vhdx; do
	run 0 vu convert --type ${f%.*} gpt.raw $f
	killed $f 600M 600
	run 0 vu resize --fix-gpt $f 64M
	killed $f 30M 30
done
