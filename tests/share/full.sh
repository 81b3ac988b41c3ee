#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# full.sh KIND
#
# A disk without room: what can be shared may go through, and is right then; what
# cannot fails with a sentence, and leaves nothing.
. "$(dirname "$0")/functions.sh"
requires sha256sum fallocate

share_fs "$1" 512M
dense src.raw 128
run 0 vu convert --no-progress src.raw whole.vhdx

# Until nothing more goes in.
fill() {
	rm -f fill.*
	for n in 64 16 4 1; do
		while fallocate -l "${n}M" "fill.$n.$i" 2>/dev/null; do
			i=$((i + 1))
			[ "$i" -lt 1000 ] || fail "there is no end"
		done
		rm -f "fill.$n.$i"
	done
	settle
}

gone() {
	absent "$1"
	for left in .vhd-*; do absent "$left"; done
}

sum=$(sum_of_file src.raw)
i=0
fill
for dst in new.vhdx new.vhd fixed.vhd new.raw; do
	got=0
	type=
	[ "$dst" != fixed.vhd ] || type="--type fixed"
	# shellcheck disable=SC2086
	timeout 120 "$VHD_UTIL" convert --no-progress $type whole.vhdx "$dst" \
		>"$out" 2>"$err" </dev/null || got=$?
	last="convert to $dst"
	if [ "$got" -eq 0 ]; then
		[ "$(sum_of "$dst")" = "$sum" ] || fail "$dst has other bytes"
		rm "$dst"
	else
		[ "$got" -eq 1 ] || fail "exit status $got"
		one_sentence convert
		gone "$dst"
	fi
	run 1 vu convert --no-progress --no-share whole.vhdx "$dst"
	one_sentence convert
	gone "$dst"
	run 1 vu convert --sync --no-progress --no-share whole.vhdx "$dst"
	gone "$dst"
done
[ "$(sum_of whole.vhdx)" = "$sum" ] || fail "the source has changed"

# With room for what cannot be shared, it goes through.
rm -f fill.*
settle
i=0
# XFS gives the space of removed files back a little later.
tries=0
while [ "$(free_bytes)" -lt $((200 * 1048576)) ]; do
	tries=$((tries + 1))
	[ $tries -lt 600 ] || fail "the space of removed files does not come back"
	sleep 0.1
done
fallocate -l $(($(free_bytes) - 100 * 1048576)) fill.big || fail "fallocate"
run 0 vu convert --json --no-progress whole.vhdx new.vhdx
shared 99
[ "$(sum_of new.vhdx)" = "$sum" ] || fail "new.vhdx has other bytes"
