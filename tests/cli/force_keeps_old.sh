#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A forced conversion that fails leaves the old file as it was, and one that does
# not leaves its owner and its mode.
. "$(dirname "$0")/functions.sh"

requires timeout
echo precious >out.vhdx
raw_disk disk.raw
run 1 vu convert --force --size 1M disk.raw out.vhdx
one_sentence convert
[ "$(cat out.vhdx)" = precious ] || fail "the old file was changed"
run 1 vu convert --force missing.raw out.vhdx
one_sentence convert
[ "$(cat out.vhdx)" = precious ] || fail "the old file was changed"
only disk.raw out.vhdx

for mode in 600 664; do
	for new in out.vhdx out.raw; do
		echo old >$new
		[ "$(id -u)" -ne 0 ] || chown 1000:1001 $new
		chmod $mode $new
		was=$(stat -c '%u %g %a' $new)
		run 0 vu convert --force disk.raw out.vhdx
		run 0 vu convert --force --format raw out.vhdx out.raw
		[ "$(stat -c '%u %g %a' $new)" = "$was" ] ||
			fail "$new: $(stat -c '%u %g %a' $new), and not $was"
	done
done
