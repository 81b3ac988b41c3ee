#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# snapshot.sh FORMAT
#
# With --snapshot writes are read back, and nothing is left of them.
. "$(dirname "$0")/functions.sh"

user_ready
data model 24
run 0 vu convert --format "$1" model "disk.$1"
chmod 444 "disk.$1"
hash=$(content "disk.$1")
time=$(stat -c %Y.%y "disk.$1")
mkdir -m 777 scratch
seq 400000 >extra
chmod 644 extra

AS=as_user
as_user mkdir m
TMPDIR=$PWD/scratch
up "disk.$1" m --snapshot
[ -z "$(names scratch)" ] || fail "the scratch file can be seen"
poke extra model $((5 << 20))
as_user dd if=extra of=m/disk.raw bs=1M oflag=seek_bytes seek=$((5 << 20)) \
	conv=notrunc,fsync status=none
run 0 as_user cmp m/disk.raw model
down m
[ -z "$(names scratch)" ] || fail "something is left"
[ "$(content "disk.$1")" = "$hash" ] || fail "the image changed"
[ "$(stat -c %Y.%y "disk.$1")" = "$time" ] || fail "its time changed"
