#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every format goes out as a stream, through a pipe, and is sound when saved.
. "$(dirname "$0")/functions.sh"

SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
guid=c0ffee00-1234-4abc-8def-0123456789ab
raw_disk disk.raw

# stream SOURCE NAME OPTIONS...: the bytes of the file that the same options
# make, its length known before, and the same disk in it.
stream() {
	src=$1 name=$2
	shift 2
	last="stream $src $name $*"
	vu convert --no-progress "$@" --uuid $guid "$src" - 2>"$err" |
		cat >"$name" || fail "no stream"
	err_lacks error
	run 0 vu convert --print-size "$@" "$src" -
	out_has "$(stat -c %s "$name")"
	[ "$(stat -c %s "$name")" = "$(cat "$out")" ] || fail "another length"
	mkdir file
	run 0 vu convert "$@" --uuid $guid "$src" "file/$name"
	same "$name" "file/$name"
	rm -r file
	case $name in
	*.raw) ;;
	*) run 0 vu check --quiet --deep "$name" ;;
	esac
	run 0 vu convert --format raw "$name" -
	starts_with "$out" disk.raw
}
stream disk.raw a.raw
stream disk.raw b.raw --format raw --size 40M
stream disk.raw a.vhd --format vhd
stream disk.raw b.vhd --format vhd --block-size 512K
stream disk.raw c.vhd --format vhd --type fixed
stream disk.raw d.vhd --for azure
stream disk.raw e.vhd --for xen
stream disk.raw f.vhd --format vhd --size 300M
stream disk.raw a.vhdx --format vhdx
stream disk.raw b.vhdx --format vhdx --block-size 1M
stream disk.raw c.vhdx --format vhdx --type fixed
stream disk.raw d.vhdx --for hyperv
stream disk.raw e.vhdx --for wsl
stream disk.raw f.vhdx --for qemu
stream disk.raw g.vhdx --format vhdx --logical-sector 4096
# What is stored in an image, and in others below it.
stream a.vhd h.vhdx --format vhdx
stream b.vhdx g.vhd --format vhd
stream g.vhdx i.vhdx --format vhdx
run 0 vu create --parent b.vhdx child.vhdx
head -c 3M /dev/zero | tr '\0' c >new
run 0 vu write --offset 9M child.vhdx new
dd if=new of=disk.raw oflag=seek_bytes seek=9M bs=1M conv=notrunc status=none
stream child.vhdx j.vhdx --format vhdx --block-size 1M
stream child.vhdx j.vhd --format vhd
stream child.vhdx k.vhd --format vhd --type fixed
