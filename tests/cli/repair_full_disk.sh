#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No room for the undo file: nothing is written, nothing is left behind.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

requires unshare mount
unshare -m -r true 2>/dev/null ||
	skip_host "no mounts in a name space of our own"
damaged_vhdx a.vhdx
state a.vhdx >before
mkdir small
cat >inside.sh <<'S'
mount -t tmpfs -o size=8k none small || exit 99
"$VHD_UTIL" repair --repair --undo-file small/u a.vhdx
got=$?
[ -z "$(ls -A small)" ] || exit 98
exit $got
S
export VHD_UTIL
got=0
unshare -m -r sh inside.sh >"$out" 2>"$err" </dev/null || got=$?
[ $got -ne 99 ] || skip_host "another user cannot mount a tmpfs"
[ $got -eq 1 ] || fail "status $got"
one_sentence repair
err_has "No space left"
err_has "hint: make room"
state a.vhdx >after
same before after
