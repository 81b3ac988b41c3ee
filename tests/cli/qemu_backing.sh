#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image of another program does not make us read what a stranger wants: files
# that it names are read when that is allowed, or when they are parts of it that
# lie beside it.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd strace timeout
raw_disk disk.raw
truncate -s 40M disk.raw
echo "only for root" >secret
truncate -s 40M secret

# refused FILE WORDS: and nobody has opened the secret
refused() {
	run 1 timeout 60 strace -f -o trace -e "trace=?open,openat,connect" \
		-E ASAN_OPTIONS=detect_leaks=0 "$VHD_UTIL" convert "$1" new.vhdx
	one_sentence convert
	err_has "$2"
	! grep -q secret trace || fail "the secret was opened"
	absent new.vhdx
}

# allowed FILE
allowed() {
	run 0 vu convert --allow-backing "$1" new.vhdx
	same_disk disk.raw new.vhdx vhdx
	rm new.vhdx
}

run 0 qemu-img convert -f raw -O qcow2 disk.raw base.qcow2
for format in qcow2 qed qcow; do
	run 0 qemu-img create -q -f $format -b secret -F raw evil
	refused evil "the image reads another file"
	run 0 qemu-img create -q -f $format -b base.qcow2 -F qcow2 good
	refused good "the image reads another file"
	err_has "--allow-backing"
	allowed good
	rm evil good
done
run 0 qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 good
refused good 'another file, "base.qcow2"'
mkdir d
mv good base.qcow2 d
allowed d/good
allowed "$T/d/good"

# The data in a file of its own.
run 0 qemu-img create -q -f qcow2 -o data_file=secret,data_file_raw=on evil 40M
refused evil "the image reads another file"
rm evil

# A VMDK with a parent.
run 0 qemu-img convert -f raw -O vmdk disk.raw base.vmdk
run 0 qemu-img create -q -f vmdk -b base.vmdk -F vmdk child.vmdk
refused child.vmdk 'the image reads another file, "base.vmdk"'
allowed child.vmdk

# The text of a VMDK that names what it likes.
# text FORMAT: with \n in it
text() {
	# shellcheck disable=SC2059
	{
		printf '# Disk DescriptorFile\nversion=1\nCID=12345678\n'
		printf 'parentCID=ffffffff\ncreateType="monolithicFlat"\n'
		printf "$1"
	} >evil.vmdk
}
sectors=81920
text "RW $sectors FLAT \"$T/secret\" 0\n"
refused evil.vmdk "that does not lie beside it"
text "RW $sectors FLAT \"./secret\" 0\n"
refused evil.vmdk "that does not lie beside it"
text "RW $sectors FLAT \"nbd:unix:secret\" 0\n"
refused evil.vmdk "that does not lie beside it"
text "RW $sectors FLAT \"..\" 0\n"
refused evil.vmdk "that does not lie beside it"
# What QEMU would find across the ends of lines is not found.
text "RW\n$sectors\nFLAT\n\"$T/secret\"\n0\n"
refused evil.vmdk "the text of this VMDK cannot be used"
text 'parentFileNameHint="secret"\n'
refused evil.vmdk 'another file, "secret"'
text "RW 99999999999999999999 FLAT \"x\" 0\n"
refused evil.vmdk "a line about one of its files makes no sense"
text ''
refused evil.vmdk "it names no file"
# A link beside it is not a part.
ln -s secret part.vmdk
text "RW $sectors FLAT \"part.vmdk\" 0\n"
run 1 vu convert evil.vmdk new.vhdx
one_sentence convert
err_has "cannot be opened"
rm part.vmdk
mkfifo part.vmdk
run 1 timeout 120 "$VHD_UTIL" convert evil.vmdk new.vhdx
one_sentence convert
err_has "is no regular file"
rm part.vmdk
# A part that is itself such a text, or has one inside.
cp evil.vmdk part.vmdk
text "RW $sectors SPARSE \"part.vmdk\"\n"
sed -i s/monolithicFlat/twoGbMaxExtentSparse/ evil.vmdk
run 1 vu convert evil.vmdk new.vhdx
one_sentence convert
err_has "reads other files"
rm part.vmdk
cp base.vmdk inside.vmdk
# No capacity: QEMU then takes the text inside for one that names files.
printf '\0\0\0\0\0\0\0\0' | patch inside.vmdk 12
refused inside.vmdk "the image reads another file"
cp inside.vmdk part.vmdk
run 1 vu convert evil.vmdk new.vhdx
one_sentence convert
err_has "reads other files"
# What is sound is read.
text "RW 40000 FLAT \"disk.raw\" 0\nRW 41920 FLAT \"disk.raw\" 40000\n"
run 0 vu convert evil.vmdk new.vhdx
same_disk disk.raw new.vhdx vhdx
rm new.vhdx
clean
