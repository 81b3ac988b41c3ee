#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# info shows the partitions of the disk, whatever holds its bytes.
. "$(dirname "$0")/functions.sh"

PATH=$PATH:/usr/sbin:/sbin
requires python3 sfdisk

# table FILE: a raw disk with a partition table from the lines on stdin.
table() {
	truncate -s 64M "$1"
	sfdisk -q --no-reread --no-tell-kernel "$1" || fail "sfdisk failed"
}
cat >gpt.txt <<'T'
label: gpt
size=8M, type=U, name="EFI system partition"
size=20M, type=S, uuid=11111111-2222-3333-4444-555555555555
size=4M, type=01234567-89AB-CDEF-0123-456789ABCDEF, name="mine"
T
printf 'label: dos\nsize=8M,type=7\ntype=f\nsize=5M\nsize=6M,type=82\n' >dos.txt
for kind in gpt dos; do
	table $kind.raw <$kind.txt
	for format in vhd vhdx; do
		run 0 vu convert $kind.raw $kind.$format
	done
done

# The container of logical partitions is not shown.
for image in dos.vhd dos.vhdx; do
	run 0 vu info --json $image
	err_empty
	json_is 'd["partition_table"]["kind"]' mbr
	json_is 'd["partition_error"]' None
	json_is '[(p["number"], p["offset"], p["length"], p["type"],
		p["type_name"], p["id"], p["name"]) for p in d["partitions"]]' \
		"[(1, 1048576, 8388608, '07', 'NTFS or exFAT', None, None), (5, 10485760, 5242880, '83', 'Linux', None, None), (6, 16777216, 6291456, '82', 'Linux swap', None, None)]"
	run 0 vu info $image
	out_has "  table              MBR"
	out_has "  p1                 0x100000, 8 MiB, NTFS or exFAT"
	out_has "  p6                 0x1000000, 6 MiB, Linux swap"
	out_lacks "  p2"
done
for image in gpt.vhd gpt.vhdx; do
	run 0 vu info --json $image
	err_empty
	json_is 'd["partition_table"]' \
		"{'kind': 'gpt', 'sector': 512, 'backup': False}"
	json_is '[(p["number"], p["offset"], p["length"], p["type_name"],
		p["name"]) for p in d["partitions"]]' \
		"[(1, 1048576, 8388608, 'EFI system', 'EFI system partition'), (2, 9437184, 20971520, 'Linux swap', ''), (3, 30408704, 4194304, None, 'mine')]"
	json_is 'd["partitions"][1]["id"]' 11111111-2222-3333-4444-555555555555
	json_is 'd["partitions"][2]["type"]' 01234567-89ab-cdef-0123-456789abcdef
	run 0 vu info $image
	err_empty
	out_has "Partitions"
	out_has '  p1                 0x100000, 8 MiB, EFI system, "EFI system partition"'
	out_has "  p2                 0x900000, 20 MiB, Linux swap"
	out_has '4 MiB, type 01234567-89ab-cdef-0123-456789abcdef, "mine"'
done

# The backup serves, and the reader is told.
head -c 512 /dev/zero >zeros
cp gpt.vhdx backup.vhdx
run 0 vu write --offset 512 backup.vhdx zeros
run 0 vu info backup.vhdx
out_has "GPT, from its backup copy"
out_has '"mine"'
run 0 vu info --json backup.vhdx
json_is 'd["partition_table"]["backup"], len(d["partitions"])' "(True, 3)"

# A table of sectors of 512 on a disk with larger ones.
run 0 vu create --logical-sector 4096 --size 64M large.vhdx
run 0 vu write large.vhdx gpt.raw
run 0 vu info --json large.vhdx
json_is 'd["partition_table"]["sector"], len(d["partitions"])' "(512, 3)"

# Without a table there is no section.
run 0 vu create --size 64M empty.vhdx
run 0 vu info empty.vhdx
out_lacks "Partitions"
run 0 vu info --json empty.vhdx
json_is 'd["partition_table"], d["partitions"], d["partition_error"]' \
	"(None, [], None)"
printf 'label: dos\n' | table new.raw
run 0 vu convert new.raw new.vhd
run 0 vu info new.vhd
out_has "MBR, empty"

# A child shows its parent's; without the parent everything else is shown.
for format in vhd vhdx; do
	run 0 vu create --parent gpt.$format child.$format
	run 0 vu info child.$format
	err_empty
	out_has '"mine"'
	mv gpt.$format away
	run 0 vu info child.$format
	err_has "warning:"
	err_lacks "partitions"
	out_lacks "Partitions"
	out_has "a parent that could not be used"
	run 0 vu info --json child.$format
	err_lacks "partitions"
	json_is 'd["partition_table"], d["partitions"]' "(None, [])"
	json_is 'd["partition_error"]["code"]' VHD_E_PARENT
	mv away gpt.$format
done
# What the child has of its own is shown without the parent.
run 0 vu write child.vhdx dos.raw
mv gpt.vhdx away
run 0 vu info child.vhdx
out_has "NTFS or exFAT"
mv away gpt.vhdx

# A disk that cannot be read is worth a warning; the headers are shown.
run 0 vu info --json gpt.vhd
bat=$(field bat_offset)
printf '\177\377\377\360' | patch gpt.vhd "$bat"
run 0 vu info gpt.vhd
out_has "unique id"
out_lacks "Partitions"
err_has "gpt.vhd: partitions cannot be read: "
run 0 vu info --json gpt.vhd
json_is 'd["partition_error"]["code"]' VHD_E_CORRUPT

# A name cannot drive the terminal.
if command -v sgdisk >/dev/null; then
	truncate -s 64M evil.raw
	run 0 sgdisk -n 1:2048:+8M -c "1:a$(printf '\033')[31mb" evil.raw
	run 0 vu convert evil.raw evil.vhdx
	run 0 vu info evil.vhdx
	out_has "[31mb"
	out_lacks "$(printf '\033')"
fi
