#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Wrong usage: one line, status 2, nothing mounted.  Help goes to stdout.
. "$(dirname "$0")/functions.sh"

mkdir m
run 0 vu create --size 8M disk.vhdx
wrong() {
	run 2 vf "$@"
	refused
}
wrong
wrong disk.vhdx
wrong disk.vhdx m more
wrong disk.vhdx m -o cache=fast
wrong disk.vhdx m -o format=qcow2
wrong disk.vhdx m -o threads=many
wrong disk.vhdx m -o threads=
wrong disk.vhdx m -o offset=x
wrong disk.vhdx m -o layer=-1
wrong disk.vhdx m -r --snapshot
wrong disk.vhdx m -o layer=0,rw
wrong -u
got=0
vf disk.vhdx m -o nosuchthing >"$out" 2>"$err" || got=$?
[ $got -ne 0 ] || fail "any option is taken"
refused
got=0
vf disk.vhdx m --nosuchthing >"$out" 2>"$err" || got=$?
[ $got -ne 0 ] || fail "any option is taken"
refused

run 0 vf --help
err_empty
out_has "Usage: vhdfuse"
run 0 vf -V
err_empty
out_has "vhdfuse "
none_mounted
