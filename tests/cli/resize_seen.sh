#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Resized images as other programs see them.
. "$(dirname "$0")/functions.sh"

requires qemu-img 7z python3

qemu_size() {
	run 0 qemu-img info -f "$2" --output=json "$1"
	json_is 'd["virtual-size"]' "$3"
}

# seven IMAGE: 7-Zip's idea of the disk.
seven() {
	rm -rf seven
	mkdir seven
	7z x -y -oseven "$1" >/dev/null 2>&1 || fail "7z does not read $1"
	cat seven/* >seven.raw
	rm -r seven
}

raw_disk parent.raw
truncate -s 48M parent.raw
for kind in fixed.vhd:vpc dynamic.vhd:vpc dynamic.vhdx:vhdx fixed.vhdx:vhdx; do
	f=${kind%:*}
	format=${kind#*:}
	run 0 vu convert --type "${f%.*}" parent.raw "$f"
	for size in 140 4200 300 50; do
		case $f in fixed*) [ $size -lt 1000 ] || continue ;; esac
		run 0 vu resize "$f" ${size}M
		qemu_size "$f" "$format" $((size << 20))
		# To compare holes takes QEMU long.
		[ $size -lt 200 ] || continue
		cp parent.raw want.raw
		truncate -s ${size}M want.raw
		run 0 qemu-img compare -f "$format" -F raw "$f" want.raw
	done
	seven "$f"
	starts_with seven.raw parent.raw
	[ "$(stat -c %s seven.raw)" -eq $((50 << 20)) ] ||
		fail "7z sees another size of $f"
	run 0 vu check --quiet "$f"
done

# Blocks of QEMU's fixed disks have no place until they are written to; the file
# is as long as if they had.
run 0 qemu-img create -q -f vhdx -o subformat=fixed q.vhdx 18M
noise 3000000 >some
run 0 vu write --offset 9M q.vhdx some
for size in 30 31 100 5 18; do
	run 0 vu resize q.vhdx ${size}M --force
	qemu_size q.vhdx vhdx $((size << 20))
	run 0 vu check --quiet q.vhdx
	cp q.vhdx before
	run 0 vu resize q.vhdx ${size}M
	same q.vhdx before
	[ $size != 100 ] || {
		run 0 vu read --offset 9M --length 3000000 q.vhdx -o now
		same now some
	}
done

# Some VHDs go by their geometry, which is seen to, or said.
run 0 qemu-img create -q -f vpc -o force_size=off q.vhd 64M
run 0 vu resize q.vhd 1G
out_has 'the creator in it is "qem2" now instead of "qemu"'
qemu_size q.vhd vpc $((1 << 30))
run 0 vu check -n q.vhd
# 127.5 GiB and more have the largest geometry anyway, which says the same.
run 0 qemu-img create -q -f vpc -o force_size=off q.vhd 64M
run 0 vu resize --json q.vhd 140G
json_is 'd["creator"]' qemu
qemu_size q.vhd vpc $((140 << 30))
run 0 vu resize --json q.vhd 64M
json_is 'd["creator"], d["chs_size"]' "('qem2', 67055616)"
qemu_size q.vhd vpc $((64 << 20))
run 0 vu check -n q.vhd

# Whatever the creator was, Xen's check and QEMU take what comes of it.
for creator in "vpc " vbox caml "xo  "; do
	run 0 vu create --force --size 528482304 c.vhd
	run 0 vu set --creator "$creator" c.vhd
	qemu_size c.vhd vpc 528482304
	run 0 vu resize c.vhd 1G
	out_has "the creator in it is \"win \" now instead of \"$creator\""
	qemu_size c.vhd vpc $((1 << 30))
	run 0 vu check -n c.vhd
done
# The largest geometry goes with the name that it was for.
run 0 vu create --force --size 64M c.vhd
run 0 vu set --creator qemu c.vhd
qemu_size c.vhd vpc $((64 << 20))
run 0 vu set --creator "win " c.vhd
run 0 vu info --json c.vhd
json_is 'd["image"]["vhd"]["cylinders"]' 963
run 0 vu check -n c.vhd
run 0 vu create --size 64M vbox.vhd
run 0 vu set --creator vbox vbox.vhd
run 0 vu resize vbox.vhd 1G
out_has "next: QEMU up to 9.2 and Virtual PC go by the geometry of this VHD"
out_has 'vhd-util set --creator "win "'
run 0 vu set --creator "win " vbox.vhd
qemu_size vbox.vhd vpc $((1 << 30))
