#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# samples.sh FOLDER
#
# Images of other programs, some with data at any sector of the file, read
# through a mount as their manifest says.
. "$(dirname "$0")/functions.sh"

requires xz
folder=${1:-${VHD_SAMPLES_DIR-}}
[ -f "$folder/MANIFEST.tsv" ] || {
	echo "SKIP(host): there are no sample images; -DVHD_SAMPLES_DIR=DIR names them"
	exit 77
}
# Of a size that is quickly read, up to two of each program and kind, or three.
most=2
[ -z "${VHD_SOAK:-}" ] || most=3
mkdir m
tail -n +2 "$folder/MANIFEST.tsv" | awk -F '\t' -v most=$most '
	$11 ~ /^[0-9a-f]+$/ && $12 == "no" && $6 + 0 < 160000000 {
		split($1, dir, "/")
		if (n[dir[1] $3 $4]++ < most)
			print $1 "\t" $11 "\t" $10
	}' >list
# unpack FILE: below the current directory
unpack() {
	[ ! -e "$1" ] || return 0
	mkdir -p "$(dirname "$1")"
	if [ -e "$folder/$1.xz" ]; then
		xz -dc "$folder/$1.xz" >"$1"
	elif [ -e "$folder/$1.gz" ]; then
		gzip -dc "$folder/$1.gz" >"$1"
	else
		cp "$folder/$1" "$1"
	fi
}
tried=0
while IFS="$(printf '\t')" read -r file hash parent; do
	unpack "$file"
	[ "$parent" = - ] || unpack "$parent"
	got=0
	vf "$file" m -r >"$out" 2>"$err" || got=$?
	if [ $got -ne 0 ]; then
		# What the library refuses is another test's.
		! vu convert --no-sync "$file" back 2>/dev/null ||
			fail "$file can be read and not mounted"
		rm -f back
		continue
	fi
	daemon=$(pgrep -n -x vhdfuse)
	[ "$(content m/disk.raw)" = "$hash" ] || fail "$file reads differently"
	have=$(dd if=m/disk.raw bs=1M iflag=direct status=none | sha256sum)
	[ "${have%% *}" = "$hash" ] || fail "$file reads differently, directly"
	down m
	tried=$((tried + 1))
done <list
echo "$tried images"
[ "$tried" -ge 10 ] || fail "only $tried images"
