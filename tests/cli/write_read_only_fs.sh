#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# On a file system that is mounted read-only, writing is refused and reading is
# not.
. "$(dirname "$0")/functions.sh"

requires unshare mount
unshare -m -r true 2>/dev/null || skip "no mounts in a name space of our own" \
	"(another user cannot run the program)"
mkdir ro
run 0 vu create --size 16M ro/a.vhdx
echo data >data
cat >inside.sh <<'S'
mount --bind ro ro && mount -o remount,bind,ro ro || exit 99
"$VHD_UTIL" read --length 4 ro/a.vhdx >/dev/null || exit 98
exec "$VHD_UTIL" write ro/a.vhdx data
S
export VHD_UTIL
got=0
unshare -m -r sh inside.sh >"$out" 2>"$err" || got=$?
[ $got -ne 99 ] || skip "another user cannot run the program (mount)"
[ $got -eq 1 ] || fail "status $got"
one_sentence write
err_has "Read-only file system"
err_has "hint: reading works"
