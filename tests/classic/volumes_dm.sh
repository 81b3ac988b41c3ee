#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The steps of a storage manager on linear volumes of device-mapper, each over two
# disks; where there is none, chain_volumes.sh has stood in for them.
. "$(dirname "$0")/lib.sh"
private_dev "$@"
grep -q device-mapper /proc/misc || skip_host "this kernel has no device-mapper"
requires dmsetup

truncate -s 6M one two three four
group=vhd--$$
volume() {	# NAME FILE FILE: its path is $volume
	loop_add "$2"
	half=$loop
	loop_add "$3"
	dm_linear "$group-VHD--$1" "$half" "$loop" ||
		skip_host "device-mapper makes no volume here"
	volume=/dev/mapper/$group-VHD--$1
}
volume base one two
base=$volume
volume leaf three four
leaf=$volume

run 0 vu create --debug -n "$base" -s 16 -S 2097152
pattern "$base" 4096 300 base
run 0 vu snapshot --debug -n "$leaf" -p "$base" -S 2097152
expect_silent
run 0 vu set --debug -n "$base" -f hidden -v 1
pattern "$leaf" 4200 100 leaf
content=$(digest "$leaf")
run 0 vu query --debug -vsafp -n "$leaf"
expect_out "16\n6427136\n$base\nhidden: 0\n1\n"
run 0 vu read -p -n "$leaf"
expect_line "       decoded name : ./$group-VHD--base"
# LVM's own name for it.
mkdir -p "/dev/vhd-$$"
ln -s "$base" "/dev/vhd-$$/VHD-base"
run 0 vu modify --debug -p "/dev/vhd-$$/VHD-base" -n "$leaf"
run 0 vu query --debug -p -n "$leaf"
expect_out "$base\n"
run 0 vu coalesce --debug -n "$leaf"
same "$(digest "$base")" "$content"
run 0 vu check -n "$leaf" -p
expect_out "$leaf is valid\n$base is valid\n"
run 0 vu scan -f "$base"
expect_out "vhd=$group-VHD--base capacity=16777216 size=12582912 hidden=1 parent=none\n"
