#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A coalesce that is killed, before any of its calls to the system or at any
# moment, leaves a parent that check accepts, at the latest after repair; the disk
# of the child is the same all the time; and the same call again finishes.  One
# that is asked to end leaves a parent in order.  Others may look at the parent
# while it runs.
#
# The moments are drawn from SEED, which may be given; it is printed.
. "$(dirname "$0")/lib.sh"

requires strace timeout python3
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

bits=$(dirname "$self")/bits.py
bits() { python3 -B "$bits" "$@"; }
: "${SEED:=1}"
echo "SEED=$SEED"
repaired=0
killed=0

# random MOST: a number from 0 to MOST - 1, another one each time
random() {
	SEED=$(((SEED * 1103515245 + 12345) % 2147483648))
	rnd=$((SEED / 65536 % $1))
}

make() {
	vu create -n base.orig -s 16
	bits write base.orig 0 5000 base
	vu snapshot -n "$1" -p base.orig
	cp base.orig base.vhd
	vu modify -n "$1" -p base.vhd
}

# What must hold after any cut.
judge() {
	if ! vu check -n base.vhd >/dev/null; then
		repaired=$((repaired + 1))
		run 0 vu repair -n base.vhd
		run 0 vu check -n base.vhd
	fi
	bits sane base.vhd || fail "not sane"
	same "$(digest child.vhd)" "$disk" "the disk is"
}
again() {
	run 0 vu coalesce -n child.vhd
	expect_out "$line"
	same "$(digest base.vhd)" "$disk" "the disk of the parent is"
	same "$(bytes_of base.vhd)" "$length" "the length is"
	bits sane base.vhd || fail "not sane"
}

echo "before each call to the system"
make child.vhd
bits write child.vhd 4990 2 child
bits write child.vhd 8192 4096 full
bits write child.vhd 30000 9 child
disk=$(digest child.vhd)
line='Coalesced 4107 sectors'
run 0 vu coalesce -n child.vhd
length=$(bytes_of base.vhd)
step=2
[ -z "${VHD_SOAK:-}" ] || step=1
[ -z "${VHD_SANITIZE:-}" ] || step=4
when=1
while :; do
	cp base.orig base.vhd
	status=0
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -o trace -e trace=pwrite64,fdatasync,fsync,ftruncate,fallocate \
		-e "inject=pwrite64,fdatasync,fsync,ftruncate,fallocate:signal=KILL:when=$when" \
		"$VHD_UTIL" coalesce -n child.vhd >"$out" 2>&1 || status=$?
	[ "$status" -ne 0 ] || break
	killed=$((killed + 1))
	judge
	again
	when=$((when + step))
	[ "$when" -lt 400 ] || fail "there are too many calls"
done
[ "$killed" -ge 3 ] || fail "only $killed kills"
echo "$killed kills, repaired after $repaired of them"

echo "at any moment"
rm -f ./*.vhd base.orig
vu create -n base.orig -s 64
bits write base.orig 0 5000 base
vu snapshot -n child.vhd -p base.orig
cp base.orig base.vhd
vu modify -n child.vhd -p base.vhd
head -c 41943040 /dev/urandom |
	vu write --orphan --no-progress --offset 1M child.vhd
bits write child.vhd 100000 77 child
disk=$(digest child.vhd)
run 0 vu coalesce -n child.vhd
line=$(cat "$out")
length=$(bytes_of base.vhd)
rounds=3
[ -z "${VHD_SOAK:-}" ] || rounds=8
ends=0
killed=0
for signal in KILL TERM INT; do
	round=0
	while [ "$round" -lt "$rounds" ]; do
		cp base.orig base.vhd
		random 80
		delay=$(printf '0.%03d' "$rnd")
		status=0
		env --default-signal=INT \
			"$VHD_UTIL" coalesce -n child.vhd >"$out" 2>&1 &
		worker=$!
		sleep "$delay"
		kill -s "$signal" "$worker" 2>/dev/null || true
		wait "$worker" || status=$?
		[ "$status" -eq 0 ] && ends=$((ends + 1)) ||
			killed=$((killed + 1))
		was=$repaired
		judge
		[ "$signal" = KILL ] || same "$repaired" "$was" \
			"after SIG$signal, repairs are"
		round=$((round + 1))
	done
	again
done
echo "$killed ended early, $ends did not"

echo "somebody looks"
cp base.orig base.vhd
strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -o trace -e trace=pwrite64,fdatasync,fsync,ftruncate,fallocate \
	-e inject=pwrite64:delay_enter=6000 \
	"$VHD_UTIL" coalesce -n child.vhd >coalesced 2>&1 &
worker=$!
looks=0
while kill -0 "$worker" 2>/dev/null; do
	# A look may come just when the footer moves.
	vu check -n base.vhd >"$out" 2>&1 ||
		run 0 vu check -n base.vhd
	run 0 vu query -n base.vhd -vsf
	grep -qx 64 "$out" || fail "query -v says something else"
	looks=$((looks + 1))
done
wait "$worker"
same "$(cat coalesced)" "$line"
[ "$looks" -ge 3 ] || fail "only $looks looks"
same "$(digest base.vhd)" "$disk" "the disk of the parent is"
echo "$looks looks"

echo "-a, before each call to the system"
rm -f ./*.vhd base.orig
vu create -n base.vhd -s 16
bits write base.vhd 0 5000 base
vu snapshot -n between.vhd -p base.vhd
bits write between.vhd 100 200 between
bits write between.vhd 12288 4096 between
bits mark between.vhd 3
vu snapshot -n top.vhd -p between.vhd
bits write top.vhd 140 100 top
bits write top.vhd 12300 1 top
disk=$(digest top.vhd)
mkdir orig
cp base.vhd between.vhd top.vhd orig
run 0 vu coalesce -n top.vhd -a base.vhd
runs=$(bits runs between.vhd)
when=1
killed=0
while :; do
	cp orig/*.vhd .
	status=0
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -qq -o trace -e trace=pwrite64,fdatasync,fsync,ftruncate,fallocate \
		-e "inject=pwrite64,fdatasync,fsync,ftruncate,fallocate:signal=KILL:when=$when" \
		"$VHD_UTIL" coalesce -n top.vhd -a base.vhd >"$out" 2>&1 ||
		status=$?
	[ "$status" -ne 0 ] || break
	killed=$((killed + 1))
	for image in base between; do
		vu check -n $image.vhd >/dev/null ||
			run 0 vu repair -n $image.vhd
		run 0 vu check -n $image.vhd
	done
	same "$(digest top.vhd)" "$disk" "the disk is"
	run 0 vu coalesce -n top.vhd -a base.vhd
	same "$(digest top.vhd)" "$disk" "the disk is"
	same "$(digest between.vhd)" "$disk" "the disk of the layer below is"
	same "$(bits runs between.vhd)" "$runs" "marked is"
	when=$((when + step))
	[ "$when" -lt 400 ] || fail "there are too many calls"
done
[ "$killed" -ge 6 ] || [ -n "${VHD_SANITIZE:-}" ] || fail "only $killed kills"
echo "$killed kills"

echo "ok"
