#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# resize and partition tables: nothing is cut, and a GPT's backup moves.
. "$(dirname "$0")/functions.sh"

PATH=$PATH:/usr/sbin:/sbin
requires python3 sfdisk sgdisk fdisk

# judged IMAGE: both judges find the table in order.
judged() {
	run 0 vu check --quiet "$1"
	vu convert --force --no-sync "$1" judged.raw
	run 0 sgdisk -v judged.raw
	out_has "No problems found."
	run 0 sfdisk --verify judged.raw
	out_has "No errors detected."
	err_empty
}

# parts IMAGE: what info says of its partitions.
parts() {
	vu info --json "$1" >info.json
	json info.json 'd["partition_table"]["kind"], d["partition_table"]["backup"], [(p["offset"], p["length"], p["id"], p["name"]) for p in d["partitions"]]'
}

truncate -s 64M gpt.raw
sfdisk -q --no-reread --no-tell-kernel gpt.raw <<'T'
label: gpt
size=8M, type=U, name="EFI system partition"
size=20M, type=L, name="root"
T
noise 5000 >data
dd if=data of=gpt.raw bs=1M seek=28 conv=notrunc status=none

for f in gpt.vhd gpt.vhdx fixed.vhd; do
	case $f in fixed*) type=fixed ;; *) type=dynamic ;; esac
	run 0 vu convert --type $type gpt.raw $f
	was=$(parts $f)

	# Larger: the table is told, or the owner is.
	cp $f plain
	run 0 vu resize $f 100M
	out_has "the backup of the partition table is no longer at the end"
	out_has "growpart /dev/sda 2"
	[ "$(parts $f)" = "$was" ] || fail "the partitions have changed"
	run 0 vu resize --fix-gpt $f 100M
	out_has "the backup of the partition table was moved"
	out_lacks "is no longer at the end"
	[ "$(parts $f)" = "$was" ] || fail "the partitions have changed"
	judged $f
	run 0 vu resize --fix-gpt --json $f +50M
	json_is 'd["gpt_fixed"], d["partition_table"]' "(True, 'gpt')"
	judged $f
	# Once is enough.
	sha256sum $f >sum
	run 0 vu resize --fix-gpt --json $f 150M
	json_is 'd["gpt_fixed"]' False
	sha256sum --status -c sum || fail "$f has changed"

	# Smaller: not without the backup, and not into a partition.
	run 1 vu resize $f 100M
	one_sentence resize
	err_has "the backup of the partition table ends at byte 157286400"
	err_has "hint: --fix-gpt moves it"
	run 1 vu resize $f 20M
	one_sentence resize
	err_has "partition 2 ends at byte 30408704"
	err_has "is 30MiB, with --fix-gpt;"
	run 1 vu resize --force --fix-gpt $f 20M
	one_sentence resize
	run 1 vu resize --fix-gpt $f 29M
	one_sentence resize
	sha256sum --status -c sum || fail "$f has changed"
	run 0 vu resize --dry-run --fix-gpt $f 100M
	out_has "the backup of the partition table would be moved"
	sha256sum --status -c sum || fail "$f has changed"
	run 0 vu resize --fix-gpt $f 100M
	judged $f
	[ "$(parts $f)" = "$was" ] || fail "the partitions have changed"

	# As small as can be.
	run 0 vu resize --to-min $f
	out_has "the same command with --fix-gpt moves it"
	out_lacks "larger in the guest"
	run 0 vu resize --to-min --json $f
	json_is 'd["new_size"]' $((100 << 20))
	run 0 vu resize --to-min --fix-gpt --json $f
	json_is 'd["new_size"], d["gpt_fixed"]' "($((30 << 20)), True)"
	judged $f
	[ "$(parts $f)" = "$was" ] || fail "the partitions have changed"
	vu convert --force --no-sync $f back.raw
	dd if=back.raw of=back.data bs=1M skip=28 count=1 status=none
	starts_with back.data data

	# Data behind the partitions is data.
	run 0 vu resize --fix-gpt $f 100M
	echo lost | vu write --offset 60M $f
	run 1 vu resize --fix-gpt $f 50M
	one_sentence resize
	err_has "what is stored on the disk ends at byte 62915072"
	run 0 vu resize --dry-run --to-min --fix-gpt --json $f
	json_is 'd["new_size"]' $((61 << 20))
	run 0 vu resize --dry-run --to-min --force --fix-gpt --json $f
	json_is 'd["new_size"]' $((30 << 20))

	# What a cut costs is said, and that a ruin is left.
	cp $f cut
	run 0 vu resize --force --dry-run cut 20M
	out_has "partition 2 reached up to 29 MiB and was cut off"
	run 0 vu resize --force cut 20M
	out_has "partition 2 reached up to 29 MiB and was cut off"
	out_has "the GPT is void until it fits the disk again"
	run 1 vu resize --fix-gpt cut 40M
	one_sentence resize
	err_has "neither copy of the GPT on the disk is sound"

	# Only the backup is sound: it is not cut, and not moved.
	head -c 512 /dev/zero | vu write --offset 512 $f
	run 1 vu resize --fix-gpt $f 200M
	err_has "the first copy of the GPT is not sound"
	one_sentence resize
	err_lacks "warning"
	run 1 vu resize $f 90M
	err_has "the only sound copy of the partition table"
	run 1 vu resize $f 200M
	one_sentence resize
	err_has "nobody would find it in the middle"
	err_has "only the copy of the GPT at the end of the disk is sound"
	run 0 vu resize --dry-run --force $f 200M
done

# A table that counts in sectors of 4096 bytes.
truncate -s 64M big.raw
printf 'g\nn\n1\n\n+20M\nw\n' | fdisk -b 4096 big.raw >"$out" 2>&1 ||
	fail "fdisk failed"
run 0 vu convert --logical-sector 4096 big.raw big.vhdx
for size in 100M 40M; do
	run 0 vu resize --fix-gpt big.vhdx $size
	vu convert --force --no-sync big.vhdx judged.raw
	run 0 fdisk -b 4096 -l judged.raw
	err_empty
	out_has "Disklabel type: gpt"
done
run 0 vu resize --to-min --fix-gpt --json big.vhdx
json_is 'd["new_size"] <= 24 << 20' True

# MBR with logical partitions: the container counts.
truncate -s 64M dos.raw
printf 'label: dos\n%s\n%s\n%s\n' 'dos.raw1 : size=8M,type=7' \
	'dos.raw2 : size=30M,type=f' 'dos.raw5 : size=5M' |
	sfdisk -q --no-reread --no-tell-kernel dos.raw
run 0 vu convert dos.raw dos.vhdx
run 1 vu resize dos.vhdx 12M
err_has "partition 5 ends at byte"
run 1 vu resize dos.vhdx 30M
err_has "the extended partition ends at byte"
run 0 vu resize --to-min --json dos.vhdx
json_is 'd["new_size"], d["partition_table"]' "($((39 << 20)), 'mbr')"
vu convert --force --no-sync dos.vhdx judged.raw
run 0 sfdisk --verify judged.raw
run 0 vu resize --force dos.vhdx 12M
run 0 vu resize dos.vhdx 3T
out_has "an MBR reaches up to 2 TiB"
run 0 vu resize --fix-gpt dos.vhdx 3T
err_has "there is no GPT on the disk"

# A parent's table is its children's as well.
run 0 vu create --parent gpt.vhdx child.vhdx
run 1 vu resize --fix-gpt gpt.vhdx 100M

# A conversion that rounds the disk up says what that does to a GPT.
truncate -s $(((64 << 20) - 512)) odd.raw
sfdisk -q --no-reread --no-tell-kernel odd.raw <<'T'
label: gpt
size=8M, type=L
T
run 0 vu convert --for azure odd.raw odd.vhd
err_has "odd.vhd: the disk now has 64 MiB"
err_has "vhd-util resize --fix-gpt IMAGE 67108864 moves it"
run 0 vu resize --fix-gpt odd.vhd 67108864
judged odd.vhd
run 0 vu convert --force --for azure gpt.raw odd.vhd
err_empty
