#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# On a terminal, write and read draw a bar that fits and leave a line.
. "$(dirname "$0")/functions.sh"

requires script stty
run 0 vu create --size 64M a.vhdx
head -c 4M /dev/urandom >data
cat >slow.sh <<'S'
stty cols "$1"
{ head -c 2M data; sleep 1; head -c 2M data; } | "$VHD_UTIL" write $2 a.vhdx
S
TERM=xterm
export TERM VHD_UTIL
for columns in 20 80; do
	for with in "" "--length 4M"; do
		script -qec "sh slow.sh $columns '$with'" /dev/null >"$out" \
			2>&1 </dev/null || fail "status $?"
		grep -q 'iB/s\|%' "$out" || fail "there is no bar"
		out_has "written from offset 0 bytes on"
		# The result is no part of the bar and may be longer.
		widest=$(tr '\r' '\n' <"$out" | sed 's/\x1b\[K//g' |
			grep -v written | wc -L)
		[ "$widest" -le "$columns" ] || fail "$widest of $columns"
	done
done
script -qec "sh slow.sh 80 --no-progress" /dev/null >"$out" 2>&1 </dev/null
out_lacks "iB/s"
got=0
script -qec "'$VHD_UTIL' read a.vhdx" /dev/null >"$out" 2>&1 </dev/null ||
	got=$?
[ $got -eq 2 ] || fail "status $got"
out_has "standard output is a terminal"
got=0
script -qec "'$VHD_UTIL' write a.vhdx" /dev/null >"$out" 2>&1 </dev/null ||
	got=$?
[ $got -eq 2 ] || fail "status $got"
out_has "standard input is a terminal"
