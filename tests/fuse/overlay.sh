#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# overlay.sh FORMAT
#
# overlay=FILE makes a child, which is used again the next time.
. "$(dirname "$0")/functions.sh"

data model 24
run 0 vu convert --format "$1" model "disk.$1"
hash=$(content "disk.$1")
time=$(stat -c %Y.%y "disk.$1")
seq 400000 >extra

up "disk.$1" m -o "overlay=over.$1"
[ -f "over.$1" ] || fail "it was not made"
poke extra m/disk.raw 1000000
poke extra model 1000000
down m
run 0 vu check --quiet --chain "over.$1"
run 0 vu read --output back "over.$1"
same back model
rm back

up "disk.$1" m -o "overlay=over.$1"
same m/disk.raw model
poke extra m/disk.raw $((9 << 20))
poke extra model $((9 << 20))
down m
run 0 vu check --quiet --chain "over.$1"
run 0 vu read --output back "over.$1"
same back model
[ "$(content "disk.$1")" = "$hash" ] || fail "the image changed"
[ "$(stat -c %Y.%y "disk.$1")" = "$time" ] || fail "its time changed"
