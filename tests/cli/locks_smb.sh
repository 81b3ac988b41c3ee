#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# On SMB a shared lock keeps everybody from writing to its bytes, its holder too,
# and those of QEMU's scheme are in the copy of a footer: none are taken there.
. "$(dirname "$0")/functions.sh"

requires strace python3 getconf
[ "$(getconf LONG_BIT)" = 64 ] ||
	skip_host "what statfs says is only replaced on 64 bits here"
type_bytes() {
	python3 -c 'import struct, sys
print(struct.pack("@L", int(sys.argv[1], 16)).hex())' "$1"
}
strace -f -qq -o trace -e trace=none \
	-e "inject=fstatfs:poke_exit=@arg2=$(type_bytes fe534d42)" true \
	2>/dev/null || skip_host "strace may not trace, or not change an answer"

# locks TYPE COMMAND...: $n is how many it takes on a file system of that type.
locks() {
	bytes=$(type_bytes "$1")
	shift
	got=0
	timeout 60 strace -f -qq -o trace -E ASAN_OPTIONS=detect_leaks=0 \
		-e trace=fcntl,fstatfs \
		-e "inject=fstatfs:poke_exit=@arg2=$bytes" \
		"$VHD_UTIL" "$@" >"$out" 2>"$err" || got=$?
	[ $got -eq 0 ] || fail "$*: status $got: $(cat "$err")"
	n=$(grep -c 'F_OFD_' trace || true)
}

run 0 vu create --size 8M a.vhd
run 0 vu snapshot a.vhd c.vhd
noise 512 >data
no_locks() { # TYPE LINE
	# shellcheck disable=SC2086
	locks "$1" $2
	[ "$n" -eq 0 ] || fail "$2: $n locks on SMB ($1)"
}
for line in 'set -n c.vhd -f hidden -v 0' 'modify -n c.vhd -p a.vhd' \
	'coalesce -n c.vhd' 'repair -n c.vhd' 'resize c.vhd 16M' 'info c.vhd' \
	'write c.vhd data' 'convert --force a.vhd b.vhdx'; do
	no_locks fe534d42 "$line"
done
no_locks ff534d42 'write c.vhd data'
no_locks 517b 'write c.vhd data'
# And it would have been seen: elsewhere they are taken.
for line in 'info c.vhd' 'write c.vhd data'; do
	# shellcheck disable=SC2086
	locks ef53 $line
	[ "$n" -gt 0 ] || fail "$line: no locks on ext4"
done
