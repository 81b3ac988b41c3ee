#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The progress bar never is longer than a line; a dumb terminal gets none.
. "$(dirname "$0")/functions.sh"

requires script stty
head -c 8M /dev/urandom >disk.raw
# A reader that pauses after the first byte makes the conversion long enough for a
# bar.
cat >slow.sh <<'S'
stty cols "$1"
"$VHD_UTIL" convert disk.raw - | {
	dd bs=1 count=1 status=none
	sleep 1
	cat
} >/dev/null
S
TERM=xterm
export TERM VHD_UTIL
for columns in 20 30 80; do
	script -qec "sh slow.sh $columns" /dev/null >"$out" 2>&1 </dev/null ||
		fail "status $?"
	grep -q '%' "$out" || fail "there is no bar"
	widest=$(tr '\r' '\n' <"$out" | sed 's/\x1b\[K//g' | wc -L)
	[ "$widest" -le "$columns" ] || fail "$widest of $columns columns"
done
TERM=dumb script -qec "sh slow.sh 80" /dev/null >"$out" 2>&1 </dev/null ||
	fail "status $?"
out_lacks "%"
