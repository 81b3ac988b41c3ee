#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Pipes at both ends, --length, and flushes on the way.
. "$(dirname "$0")/functions.sh"

requires python3
run 0 vu create --size 40M a.vhdx
noise 3000000 >data
size=$(stat -c %s data)
head -c "$size" data | vu write --offset 1M --flush-every 1M a.vhdx ||
	fail "from a pipe: status $?"
vu read --offset 1M --length "$size" a.vhdx | cmp - data || fail "other bytes"

# A slow pipe that gives little at a time; "-" is standard input as well.
{ printf ab; sleep 0.2; printf cd; } | vu write --json a.vhdx - >"$out" ||
	fail "status $?"
json_is 'd["length"]' 4
json_is 'd["source"]' "standard input"
[ "$(vu read --length 4 a.vhdx)" = abcd ] || fail "other bytes"

# --length takes that many and no more.
vu write --length 1000 --offset 2M a.vhdx <data || fail "status $?"
head -c 1000 data >thousand
vu read --offset 2M --length 1000 a.vhdx | cmp - thousand || fail "other bytes"
head -c 99999 data | vu write --length 1000 --offset 3M a.vhdx || fail "status $?"
vu read --offset 3M --length 1000 a.vhdx | cmp - thousand || fail "other bytes"

# What a redirected file has left, and flushes that divide nothing evenly.
{ dd bs=1000 count=1 of=/dev/null status=none; vu write --flush-every 99999 \
	--json --offset 5M a.vhdx >"$out"; } <data || fail "status $?"
json_is 'd["length"]' $((size - 1000))
json_is 'd["flushes"]' $(((size - 1000 + 99998) / 99999))
tail -c +1001 data >rest
vu read --offset 5M --length $((size - 1000)) a.vhdx | cmp - rest ||
	fail "other bytes"

# Nothing at all is fine.
: >empty
run 0 vu write a.vhdx empty
run 0 vu write a.vhdx
silent
run 0 vu check --quiet a.vhdx
