#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Streams of disks with nothing in them, and of nothing but zeros.
. "$(dirname "$0")/functions.sh"

SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
guid=c0ffee00-1234-4abc-8def-0123456789ab
run 0 vu create --size 1G empty.vhdx
for how in "vhd" "vhd --for xen" "vhdx" "vhdx --block-size 1M"; do
	f=out.${how%% *}
	# shellcheck disable=SC2086
	vu convert --format $how --uuid $guid empty.vhdx - | cat >"stream.${f#*.}"
	# shellcheck disable=SC2086
	run 0 vu convert --format $how --uuid $guid empty.vhdx "$f"
	same "$f" "stream.${f#*.}"
	run 0 vu check --quiet "stream.${f#*.}"
	rm "$f" "stream.${f#*.}"
done
vu convert empty.vhdx - | cmp -n 1073741824 - /dev/zero || fail "no zeros"

# Zeros that are stored are in the stream, unless they are looked for.
head -c 8M /dev/zero >zeros.raw
echo x | patch zeros.raw 5000000
plain=$(vu convert --print-size --format vhd zeros.raw -)
found=$(vu convert --print-size --zero-scan --format vhd zeros.raw -)
[ "$plain" -gt 8388608 ] || fail "only $plain bytes for 8 MiB that are stored"
[ "$found" -lt 3000000 ] || fail "$found bytes for a block of 2 MiB"
for scan in "" --zero-scan; do
	vu convert $scan --format vhd --uuid $guid zeros.raw - >stream.vhd
	run 0 vu check --quiet --deep stream.vhd
	run 0 vu convert stream.vhd -
	same "$out" zeros.raw
done
run 0 vu convert --uuid $guid zeros.raw out.vhd
same stream.vhd out.vhd
run 0 vu convert --print-size --json --zero-scan --format vhd zeros.raw -
json_is "d['stream_size']" "$found"
json_is "d['source_size'], d['target_size']" "(8388608, 8388608)"
# Without a format there is no image to measure.
run 2 vu convert --print-size zeros.raw noname
usage_error convert
run 2 vu convert --print-size zeros.raw out.vhd.gz
usage_error convert
