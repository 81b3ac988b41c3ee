#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Zeros pack fast, and right.
. "$(dirname "$0")/functions.sh"

requires gzip timeout
truncate -s 4200M zeros.raw
echo a | patch zeros.raw 0
echo b | patch zeros.raw 2147483000
echo c | patch zeros.raw 4294968000
echo d | patch zeros.raw 4404019198
run 0 timeout 60 "$VHD_UTIL" convert zeros.raw zeros.raw.gz
[ "$(stat -c %s zeros.raw.gz)" -lt 6000000 ] || fail "it hardly got smaller"
timeout 300 gzip -dc zeros.raw.gz | timeout 300 cmp - zeros.raw ||
	fail "other bytes came back"
size=32
[ -z "${VHD_SOAK:-}" ] || size=256
truncate -s ${size}G zeros.raw
run 0 timeout 60 "$VHD_UTIL" convert --force --type fixed zeros.raw z.vhd.gz
[ "$(stat -c %s z.vhd.gz)" -lt $((size * 1200000)) ] || fail "it hardly got smaller"
timeout 60 gzip -dc z.vhd.gz 2>/dev/null | head -c 1000000 | cmp -n 1000000 \
	- zeros.raw || fail "its beginning is wrong"
