#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An existing file is replaced only with --force.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in vhd vhdx; do
	echo precious >a.$f
	run 1 vu create --size 1G a.$f
	one_sentence create
	err_has "hint: --force replaces it"
	[ "$(cat a.$f)" = precious ] || fail "the file was changed"
	run 1 vu convert disk.raw a.$f
	one_sentence convert
	err_has "hint: --force replaces it"
	[ "$(cat a.$f)" = precious ] || fail "the file was changed"
	run 0 vu convert --force disk.raw a.$f
	silent
	run 0 vu check --quiet a.$f
	run 0 vu create --force --size 1G a.$f
	run 0 vu check --quiet a.$f
done
# A directory is not replaced, whatever is said.
mkdir dir.vhd
run 1 vu create --force --size 1G dir.vhd
one_sentence create
[ -d dir.vhd ] || fail "the directory is gone"
# A link stays a link: its target is replaced.
ln -s a.vhd link.vhd
run 1 vu create --size 1G link.vhd
run 0 vu create --force --size 2G link.vhd
[ -L link.vhd ] || fail "the link is gone"
run 0 vu info a.vhd
out_has "2 GiB"
