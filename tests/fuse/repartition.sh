#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Partitions come and go with the table; who has one open that went goes on
# reading and writing it.
. "$(dirname "$0")/functions.sh"

requires sfdisk
run 0 vu create --size 96M disk.vhd
up disk.vhd m
[ "$(ls m)" = disk.raw ] || fail "an empty disk shows $(ls m)"
gpt m/disk.raw 20M 30M
eventually test -f m/p2
off=$(part_off m/disk.raw 2)
seq 1000 >one
seq 2000 3000 >two
poke one m/p2 0
exec 3<m/p2

gpt m/disk.raw 10M
gone() { [ "$(names m)" = "disk.raw p1 " ]; }
eventually gone
is_10() { [ "$(stat -c %s m/p1)" -eq $((10 << 20)) ]; }
eventually is_10
head -c "$(stat -c %s one)" <&3 | cmp - one || fail "the open file is lost"
exec 3<&-

# Another one of the same name is another file.
gpt m/disk.raw 10M 15M
is_15() { [ "$(stat -c %s m/p2)" -eq $((15 << 20)) ]; }
eventually is_15
poke two m/p2 0
new=$(part_off m/disk.raw 2)
[ "$new" -ne "$off" ] || fail "the table did not change"
down m
run 0 vu read --offset "$new" --length "$(stat -c %s two)" --output b2 disk.vhd
same b2 two
run 0 vu read --offset "$off" --length "$(stat -c %s one)" --output b1 disk.vhd
same b1 one
