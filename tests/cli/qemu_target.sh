#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files of other programs are made: whole, sound, small, and under their name
# only when they are complete.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd timeout
raw_disk disk.raw
truncate -s 40M disk.raw
run 0 vu convert disk.raw disk.vhdx

# good FILE FORMAT
good() {
	same_disk disk.raw "$1" "$2"
	run 0 qemu-img info -f "$2" "$1"
	[ "$2" = vmdk ] || run 0 qemu-img check -q -f "$2" "$1"
	used=$(($(stat -c '%b * %B' "$1")))
	[ $used -lt $((8 << 20)) ] || fail "$1 takes $used bytes"
}

for format in qcow2 vmdk vdi; do
	run 0 vu convert disk.vhdx a.$format
	silent
	good a.$format $format
	run 0 vu convert -O $format disk.raw "other name,=:.bin"
	good "./other name,=:.bin" $format
	rm "other name,=:.bin"
	run 0 vu convert --json --sync --verify disk.vhdx b.$format
	json_is 'd["target_size"]' 41943040
	json_is 'd["verified"]' True
	good b.$format $format
	# An odd name, a name with a folder, an absolute one.
	mkdir d
	run 0 vu convert --no-sync disk.raw "d/-a\"b.$format"
	good "d/-a\"b.$format" $format
	run 0 vu convert disk.raw "$T/d/c.$format"
	good d/c.$format $format
	rm -r d
	# And back again, and from one to the other.
	run 0 vu convert a.$format back.raw
	same back.raw disk.raw
	rm back.raw
	run 0 vu convert a.$format c.qcow2
	good c.qcow2 qcow2
	rm c.qcow2
done
grep -qa 'SPARSE "a.vmdk"' a.vmdk || fail "the VMDK does not know its name"
ln -s a.qcow2 link.qcow2
cp a.qcow2 keep.qcow2

# What exists is not replaced, unless that is wanted; a link stays one.
run 1 vu convert disk.vhdx a.qcow2
one_sentence convert
err_has "exists already"
err_has "hint: --force replaces it"
same a.qcow2 keep.qcow2
run 0 vu convert --force disk.vhdx link.qcow2
[ -L link.qcow2 ] || fail "the link is gone"
good a.qcow2 qcow2
run 1 vu convert --force a.qcow2 link.qcow2
one_sentence convert
err_has "the target is the same file as the source"
run 1 vu convert --force -O raw a.qcow2 a.qcow2
one_sentence convert
err_has "the target is the same file as the source"
run 1 vu convert --force disk.vhdx -O vmdk disk.vhdx
one_sentence convert
good a.qcow2 qcow2

# Another size.
run 0 vu convert --size 100M disk.vhdx large.qcow2
run 0 qemu-img info --output=json large.qcow2
json_is 'd["virtual-size"]' 104857600
run 0 vu convert large.qcow2 large.raw
starts_with large.raw disk.raw
run 1 vu convert --size 10M disk.vhdx small.qcow2
one_sentence convert
err_has "does not fit into --size"
# A disk that is no whole number of sectors.
head -c 1000001 disk.raw >odd.raw
run 0 vu convert odd.raw odd.qcow2
run 0 vu convert odd.qcow2 odd_back.raw
starts_with odd_back.raw odd.raw
# An empty one.
truncate -s 10G empty.raw
run 0 timeout 60 "$VHD_UTIL" convert empty.raw empty.qcow2
[ "$(stat -c %s empty.qcow2)" -lt 1000000 ] || fail "an empty disk is large"

# A name by which others take it for something else is told of.
for pair in "vhd x.vhdx" "vhdx x.VHD" "raw x.qcow2" "qcow2 x.vmdk"; do
	# shellcheck disable=SC2086
	run 0 vu convert -O ${pair%% *} disk.vhdx ${pair#* }
	[ "$(wc -l <"$err")" -eq 1 ] || fail "not one line"
	err_has "warning: ${pair#* }: it is a ${pair%% *} file, as -O says"
	rm "${pair#* }"
done
run 0 vu convert -O vhd disk.vhdx x.VHD
silent
run 0 vu convert -O raw disk.vhdx x.img
silent
rm x.VHD x.img

# Options for other formats, and places where nothing can be made.
for option in "--type fixed" "--block-size 1M" "--for azure" "--preallocate" \
	"--logical-sector 4096" "--compress"; do
	# shellcheck disable=SC2086
	run 2 vu convert $option disk.vhdx new.qcow2
	usage_error convert
done
run 1 vu convert disk.vhdx none/new.qcow2
one_sentence convert
run 2 vu convert -O qcow3 disk.vhdx new
usage_error convert
# Standard output is a stream, and no file of that name.
run 2 vu convert -O qcow2 disk.vhdx -
usage_error convert
err_has "cannot be written as a stream"
absent new.qcow2 new small.qcow2 ./-

# Who was started without standard input, output and errors works all the same.
last="convert with closed descriptors"
"$VHD_UTIL" convert disk.vhdx new.qcow2 <&- >&- 2>&- || fail "status $?"
good new.qcow2 qcow2
"$VHD_UTIL" convert new.qcow2 new.vhdx <&- >&- 2>&- || fail "status $?"
same_disk disk.raw new.vhdx vhdx
clean
