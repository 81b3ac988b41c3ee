#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Parents on block devices: volumes are found by their names and not by the devices
# that these lead to, in both forms of the command line, and nowhere else.
. "$(dirname "$0")/lib.sh"
private_dev "$@"

# As a manager leaves an image on a volume: the footer is in the last sector.
install() {	# FILE: attached; the device is $loop
	truncate -s 16M "$T/disk$disks"
	python3 - "$1" "$T/disk$disks" <<-'PY'
	import sys
	data = open(sys.argv[1], "rb").read()
	with open(sys.argv[2], "r+b") as f:
	    f.write(data[:-512])
	    f.seek(-512, 2)
	    f.write(data[-512:])
	PY
	loop_add "$T/disk$disks"
	disks=$((disks + 1))
}
disks=1

# volume FILE VG LV: with links as LVM makes them
volume() {
	install "$1"
	name=$(echo "$2" | sed 's/-/--/g')-$(echo "$3" | sed 's/-/--/g')
	ln -s "../${loop#/dev/}" "/dev/mapper/$name"
	mkdir -p "/dev/$2"
	ln -s "../${loop#/dev/}" "/dev/$2/$3"
}

mkdir files
cd files
vu create -O vhd --for xen --size 8M a--vg-VHD--base
pattern a--vg-VHD--base 0 100 base
vu create -O vhd --for xen --parent a--vg-VHD--base a--vg-VHD--mid
pattern a--vg-VHD--mid 50 100 mid
vu create -O vhd --for xen --parent a--vg-VHD--mid a--vg-VHD--leaf
pattern a--vg-VHD--leaf 5000 100 leaf
head -c 8388608 /dev/urandom >a--vg-raw
vu create -O vhd --for xen --raw-parent --parent a--vg-raw a--vg-VHD--onraw
disk=$(digest a--vg-VHD--leaf)
raw=$(sum a--vg-raw)
for lv in base mid leaf onraw; do
	volume "a--vg-VHD--$lv" a-vg "VHD-$lv"
done
leaf_dev=/dev/$(basename "$(readlink /dev/a-vg/VHD-leaf)")
truncate -s 8M "$T/raw"
cp a--vg-raw "$T/raw"
loop_add "$T/raw"
ln -s "../${loop#/dev/}" /dev/mapper/a--vg-raw
cd "$T"
rm -r files

# Each name that a volume has leads to the same chain.
ln -s /dev/a-vg/VHD-leaf link
cd /dev/a-vg
for name in /dev/a-vg/VHD-leaf /dev/mapper/a--vg-VHD--leaf "$T/link" VHD-leaf; do
	run 0 vu query -pn "$name"
	expect_out '/dev/mapper/a--vg-VHD--mid\n'
	run 0 vu query -dn "$name"
	expect_out 'chain depth: 3\n'
	run 0 vu check -pn "$name"
	expect_out "$name is valid\n/dev/mapper/a--vg-VHD--mid is valid\n/dev/mapper/a--vg-VHD--base is valid\n"
	run 0 vu read --no-progress "$name"
	same "$(sum "$out")" "$disk"
done
cd "$T"
run 0 vu info /dev/a-vg/VHD-leaf
grep -q 'on /dev/mapper/a--vg-VHD--base' "$out" || fail "another chain"

# The number of a device is no place to start from.
run 2 vu query -pn "$leaf_dev"
run 2 vu check -n "$leaf_dev"
expect_first 'error resolving ./a--vg-VHD--mid: -2'

run 0 vu query -pn /dev/a-vg/VHD-onraw
expect_out '/dev/mapper/a--vg-raw\n'
run 0 vu check -pn /dev/a-vg/VHD-onraw
expect_out '/dev/a-vg/VHD-onraw is valid\n'
run 0 vu read --no-progress /dev/a-vg/VHD-onraw
same "$(sum "$out")" "$raw"

# A volume that is not active is not there.
mv /dev/mapper/a--vg-VHD--base /dev/mapper/gone
run 2 vu query -pn /dev/mapper/a--vg-VHD--mid
run 2 vu check -n /dev/mapper/a--vg-VHD--mid
run 2 vu check -pn /dev/mapper/a--vg-VHD--leaf
run 1 vu read --no-progress /dev/mapper/a--vg-VHD--leaf
mv /dev/mapper/gone /dev/mapper/a--vg-VHD--base

# The footer of a device is in its last sector, found again or not.
mid=/dev/mapper/a--vg-VHD--mid
poke "$mid" $((16777216 - 512)) "$(hex /dev/zero 0 512)"
sync "$mid"
run 22 vu check -n "$mid"
expect_first 'primary footer invalid: invalid cookie'
run 0 vu check -in "$mid"
expect_out "$mid is valid\n"
run 0 vu query -vsdn "$mid"
expect_line 'chain depth: 2'
run 0 vu check -n /dev/mapper/a--vg-VHD--leaf
run 0 vu read --no-progress /dev/mapper/a--vg-VHD--leaf
same "$(sum "$out")" "$disk"
# Who writes puts it back; two of the sectors are none of the parent's.
pattern "$mid" 150 8 new
run 0 vu check -n "$mid"
same "$(hex "$mid" $((16777216 - 512)) 8)" 636f6e6563746978
same "$(bytes_of "$mid")" 16777216

# A file may name a device, and that is not enough: who asks has to want it.
vu create -O vhd --for xen --parent "$mid" onfile.vhd
run 0 vu query -pn onfile.vhd
expect_out "$mid\n"
run 0 vu query -dn onfile.vhd
expect_out 'chain depth: 3\n'
run 1 vu read --no-progress onfile.vhd
run 1 vu read --no-progress --any-parent-dir onfile.vhd
grep -q 'block device' "$err" || fail "no word on the device"
grep -q 'name the device with --parent' "$err" || fail "no word what to do"
run 0 vu read --no-progress --parent "$mid" onfile.vhd

# The same with a raw one, for those who write, too.
vu create -O vhd --for xen --raw-parent --parent /dev/mapper/a--vg-raw onraw.vhd
head -c 512 /dev/urandom >sector
for verb in write convert; do
	with=sector
	[ $verb = write ] || with=out.vhdx
	run 1 vu $verb --any-parent-dir onraw.vhd $with
	grep -q 'block device' "$err" || fail "no word on the device"
	grep -q 'name the device with --parent' "$err" ||
		fail "no word what to do"
	run 0 vu $verb --parent /dev/mapper/a--vg-raw onraw.vhd $with
	rm -f out.vhdx
done
run 0 vu write /dev/a-vg/VHD-onraw sector
run 0 vu convert /dev/a-vg/VHD-onraw out.vhdx

# DRBD: names below by-res stay, whatever they lead to.
mkdir -p box/one box/two
vu create -O vhd --for xen --size 8M box/one/0
vu create -O vhd --for xen --parent box/one/0 box/two/0
mkdir -p /dev/drbd/by-res/one /dev/drbd/by-res/two
for res in one two; do
	install "box/$res/0"
	ln -s "../../../${loop#/dev/}" "/dev/drbd/by-res/$res/0"
done
run 0 vu query -pn /dev/drbd/by-res/two/0
expect_out '/dev/drbd/by-res/one/0\n'
run 0 vu check -pn /dev/drbd/by-res/two/0
expect_line '/dev/drbd/by-res/one/0 is valid'
run 1 vu read --no-progress /dev/drbd/by-res/two/0
run 0 vu read --no-progress --parent-dir /dev/drbd/by-res /dev/drbd/by-res/two/0
