#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image that a program has open is not repaired, nor restored.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

requires qemu-io timeout
damaged_vhdx a.vhdx
cp a.vhdx damaged
run 0 vu repair --repair a.vhdx
cp a.vhdx mended
cp damaged a.vhdx
qemu_holds vhdx a.vhdx write
cp a.vhdx running
got=0
timeout 30 "$VHD_UTIL" repair --repair --undo-file u a.vhdx >"$out" \
	2>"$err" </dev/null || got=$?
undo=0
timeout 30 "$VHD_UTIL" repair --undo a.vhdx.undo >/dev/null 2>undo.err \
	</dev/null || undo=$?
cp a.vhdx later
qemu_lets_go
[ $got -eq 1 ] || fail "status $got while qemu holds the image"
one_sentence repair
err_has "hint: stop the program that uses it"
[ $undo -eq 1 ] || fail "--undo: status $undo"
grep -q "has the file open" undo.err || fail "--undo says something else"
absent u
same running later
