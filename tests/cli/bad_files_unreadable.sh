#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A file that may not be read gets one clear sentence.
. "$(dirname "$0")/functions.sh"

run 0 vu create --size 16M a.vhd
chmod 000 a.vhd
as=
if [ "$(id -u)" -eq 0 ]; then
	requires setpriv
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	chmod 755 "$T"
	: >"$out"
	: >"$err"
	chmod 666 "$out" "$err"
	$as "$VHD_UTIL" --version >/dev/null 2>&1 ||
		skip "another user cannot run the program"
fi
for verb in info map check; do
	# shellcheck disable=SC2086
	run 1 $as "$VHD_UTIL" $verb a.vhd
	out_empty
	one_sentence $verb
	err_has "Permission denied"
done
