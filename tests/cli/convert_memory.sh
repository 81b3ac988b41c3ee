#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No conversion takes more than 64 MiB of memory, whatever the disk.
. "$(dirname "$0")/functions.sh"

[ -z "${VHD_SANITIZE:-}" ] || skip "sanitizers need memory of their own"
[ -x /usr/bin/time ] || skip "there is no /usr/bin/time"
most=0
teams="1 8"

# convert OPTION... SOURCE TARGET
convert() {
	last="convert $*"
	timeout 300 /usr/bin/time -f %M -o .time "$VHD_UTIL" convert \
		--no-progress --force "$@" >"$out" 2>"$err" ||
		fail "exit status $?"
	have=$(tail -n 1 .time)
	[ "$have" -lt 65536 ] || fail "$have KiB resident"
	[ "$have" -le "$most" ] || most=$have
}

# everywhere SOURCE NAME...: to a VHDX of small blocks, and to an image of each
# name; fixed.* are fixed ones.
everywhere() {
	source=$1
	shift
	for threads in $teams; do
		convert --threads "$threads" --block-size 1M "$source" out.vhdx
		for kind in "$@"; do
			case $kind in
			fixed.*)
				convert --threads "$threads" --type fixed \
					"$source" out-"$kind"
				;;
			*)
				convert --threads "$threads" "$source" \
					out-"$kind"
				;;
			esac
			rm out-"$kind"
		done
		rm out.vhdx
	done
}

# Files of this size, which a raw or fixed target has as well.
can() {
	truncate -s "$1" can.raw 2>/dev/null || return 1
	rm can.raw
}

# Nothing in it, and the largest there is.
run 0 vu create --size 64T --block-size 1M empty.vhdx
everywhere empty.vhdx
rm empty.vhdx
run 0 vu create --size 2040G empty.vhd
kinds=b.vhd
! can 2041G || kinds="b.vhd b.raw fixed.vhd fixed.vhdx"
# shellcheck disable=SC2086
everywhere empty.vhd $kinds
rm empty.vhd

# Islands, far from each other, and a guest that wrote to each block.
islands() {
	i=0
	while [ $i -lt 60 ]; do
		echo x | dd of="$1" bs=1M seek=$((i * $2)) conv=notrunc \
			status=none
		i=$((i + 1))
	done
}
if can 2040G; then
	truncate -s 2000G sparse.raw
	islands sparse.raw 34001
	# shellcheck disable=SC2086
	everywhere sparse.raw $kinds
	convert sparse.raw sparse.vhd
	rm sparse.raw
	# shellcheck disable=SC2086
	everywhere sparse.vhd $kinds
	rm sparse.vhd
fi
if can 8T; then
	truncate -s 8T sparse.raw
	islands sparse.raw 130001
	convert --size 64T --block-size 1M sparse.raw sparse.vhdx
	rm sparse.raw
	everywhere sparse.vhdx
	rm sparse.vhdx
fi

# Dense.
teams=4
head -c 256M /dev/urandom >dense.raw
if [ -n "${VHD_SOAK:-}" ]; then
	cat dense.raw dense.raw dense.raw dense.raw >part
	mv part dense.raw
fi
convert dense.raw dense.vhdx
everywhere dense.vhdx b.vhd b.raw fixed.vhd
rm dense.vhdx
everywhere dense.raw b.vhd b.raw fixed.vhdx
convert --sync --verify --no-share --threads 8 dense.raw dense.vhd
rm dense.raw
everywhere dense.vhd b.vhd b.raw
rm dense.vhd

# chain EXTENSION OPTION...: 64 files, each with something of its own.
chain() {
	ext=$1
	shift
	noise 700000 >data
	run 0 vu create "$@" c0."$ext"
	i=1
	while [ $i -lt 64 ]; do
		run 0 vu snapshot c$((i - 1))."$ext" c$i."$ext"
		run 0 vu write --offset $((i * 7340033)) c$i."$ext" data
		i=$((i + 1))
	done
	everywhere c63."$ext" b.vhd b.raw
	rm -f c*."$ext"
}
chain vhd --size 2000G
chain vhdx --size 2000G --block-size 1M
echo "at most $most KiB"
