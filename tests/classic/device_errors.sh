#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the system says of a device is the status, of whatever number: the storage
# manager of XCP-ng asks another host when a volume is in use there (124, 30) or
# is not there (2), and repeats what was 5 or 11.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"
requires strace
strace -f -qq -o trace true 2>/dev/null || skip_host "strace may not trace"

vu create -n d.vhd -s 8
vu create -n p.vhd -s 8
vu snapshot -n c.vhd -p p.vhd
before=$(cat d.vhd p.vhd c.vhd | sha256sum)
for error in EMEDIUMTYPE:124 EROFS:30 ENOENT:2 ENODATA:61 EIO:5 EAGAIN:11; do
	name=${error%:*}
	rc=${error#*:}
	while read -r line; do
		got=0
		# shellcheck disable=SC2086
		timeout 60 strace -f -qq -o trace -P "$T/d.vhd" \
			-E ASAN_OPTIONS=detect_leaks=0 \
			-e "inject=?open,openat:error=$name" \
			"$VHD_UTIL" $line >"$out" 2>"$err" </dev/null || got=$?
		[ $got -eq "$rc" ] || fail "$line, $name: $got and not $rc"
	done <<-L
	check --debug -n $T/d.vhd
	query --debug -vsafp -n $T/d.vhd
	set --debug -n $T/d.vhd -f hidden -v 1
	modify --debug -p $T/d.vhd -n $T/c.vhd
	L
done
[ "$(cat d.vhd p.vhd c.vhd | sha256sum)" = "$before" ] || fail "written to"
