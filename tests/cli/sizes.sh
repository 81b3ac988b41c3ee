#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Sizes are read exactly or refused, never rounded.
. "$(dirname "$0")/functions.sh"

n=0
ok() {
	n=$((n + 1))
	run 0 vu create --size "$1" s$n.raw
	have=$(stat -c %s s$n.raw)
	[ "$have" -eq "$2" ] || fail "$1 became $have bytes, not $2"
}
bad() {
	run 2 vu create --size "$1" bad.raw
	usage_error create
	err_has "is not a size"
	absent bad.raw
}

ok 512 512
ok 1048576 1048576
ok 4K 4096
ok 4k 4096
ok 4KiB 4096
ok "4 KiB" 4096
ok "4096 bytes" 4096
ok 2M 2097152
ok 2mib 2097152
ok 1.5M 1572864
ok 0.5K 512
ok 64G 68719476736
ok 1T 1099511627776

bad ""
bad G
bad x
bad -1
bad +1G
bad " 1G"
bad "1G "
bad "1  G"
bad 1GB
bad 1g2
bad 0x1000
bad 1e9
bad 1,5G
bad 1.G
bad .5G
bad 1.0000001G
bad 0.3K
bad 1.5
bad 18446744073709551616
bad 16777216T
bad 99999999999999999999999
run 2 vu create --size 0 zero.vhdx
usage_error create
