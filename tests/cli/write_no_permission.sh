#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image that may be read and not written gets one clear sentence.
. "$(dirname "$0")/functions.sh"

run 0 vu create --size 16M a.vhd
run 0 vu create --size 16M a.vhdx
echo data >data
chmod 444 a.vhd a.vhdx
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
no() {
	verb=$1
	shift
	# shellcheck disable=SC2086
	run 1 $as "$VHD_UTIL" $verb "$@"
	out_empty
	one_sentence "$verb"
	err_has "Permission denied"
	err_has "hint: "
}
for f in a.vhd a.vhdx; do
	cp $f keep
	no write $f data
	no trim --length 1M $f
	no bench --pattern randwrite --yes $f
	same $f keep
	# shellcheck disable=SC2086
	run 0 $as "$VHD_UTIL" read --length 512 $f
done
