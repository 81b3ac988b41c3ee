# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Images of both formats that are damaged and can be mended.

# be32 NUMBER: its bytes.
be32() {
	# shellcheck disable=SC2059
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) \
		$(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# damaged_vhd FILE: no trailing footer; nothing needs consent.
damaged_vhd() {
	raw_disk "$1.raw"
	run 0 vu convert "$1.raw" "$1"
	rm "$1.raw"
	truncate -s -512 "$1"
	head -c 512 /dev/zero >>"$1"
}

# damaged_vhdx FILE: one header is gone; nothing needs consent.
damaged_vhdx() {
	raw_disk "$1.raw"
	run 0 vu convert "$1.raw" "$1"
	rm "$1.raw"
	head -c 4096 /dev/zero | patch "$1" 65536
}

# overlapping_vhd FILE BLOCKS: so many entries of the table, one a block of 512
# KiB, name the place of the first one.
overlapping_vhd() {
	noise 524288 >"$1.raw"
	truncate -s $((512 * 1024 * $2)) "$1.raw"
	run 0 vu convert --block-size 512K "$1.raw" "$1"
	rm "$1.raw"
	sector=$(od -An -tu1 -j 1536 -N 4 "$1" |
		awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }')
	i=0
	while [ $i -lt "$2" ]; do
		be32 "$sector"
		i=$((i + 1))
	done | patch "$1" 1536
}

# state FILE: its bytes and when they were last changed.
state() {
	sha256sum <"$1"
	stat -c '%s %Y %y' "$1"
}
