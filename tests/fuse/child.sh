#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# child.sh FORMAT
#
# A child takes the writes; its parent, which nobody may write to, keeps its
# bytes and its times.
. "$(dirname "$0")/functions.sh"

user_ready
ext=$1
mkdir -m 755 ro
raw_disk model
run 0 vu convert --format "$ext" model "ro/base.$ext"
chmod 444 "ro/base.$ext"
mount --bind ro ro
mount -o remount,bind,ro ro
hash=$(content "ro/base.$ext")
time=$(stat -c %Y.%y "ro/base.$ext")
seq 300000 >extra
chmod 644 extra model
as_user "$VHD_UTIL" create --parent "ro/base.$ext" "child.$ext"

AS=as_user
as_user mkdir m
up "child.$ext" m
run 0 as_user cmp m/disk.raw model
for at in 0 3000000 20000001 $((34 << 20)); do
	poke extra model "$at"
	as_user dd if=extra of=m/disk.raw bs=1M oflag=seek_bytes seek="$at" \
		conv=notrunc status=none
done
run 0 as_user cmp m/disk.raw model
down m
run 0 vu check --quiet --chain "child.$ext"
run 0 vu read --output back "child.$ext"
same back model
[ "$(content "ro/base.$ext")" = "$hash" ] || fail "the parent changed"
[ "$(stat -c %Y.%y "ro/base.$ext")" = "$time" ] || fail "its time changed"
umount ro
