#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image that a writer holds is refused, and --no-lock reads it.
. "$(dirname "$0")/functions.sh"

requires qemu-io timeout
run 0 vu create --size 64M a.vhdx
qemu_holds vhdx a.vhdx write
got=0
vu info a.vhdx >"$out" 2>"$err" || got=$?
no=0
vu info --no-lock a.vhdx >/dev/null 2>&1 || no=$?
qemu_lets_go
[ $got -eq 1 ] || fail "status $got while qemu holds the image"
one_sentence info
err_has "hint: stop the program that uses it"
[ $no -eq 0 ] || fail "--no-lock: status $no"
