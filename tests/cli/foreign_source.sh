#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# An image of another program, or a packed one, is not taken for a raw disk.
. "$(dirname "$0")/functions.sh"

# refused NAME WHAT WAY
refused() {
	for name in "$1" "$1.raw" "$1.img"; do
		[ -e "$name" ] || cp "$1" "$name"
		run 1 vu convert "$name" new.vhdx
		one_sentence convert
		err_has "$name: this is $2 and no raw disk"
		err_has "$3"
		err_has "; --source-format raw takes the bytes"
		absent new.vhdx
	done
	elsewhere "$@"
}

# foreign NAME WHAT WAY: convert reads it, if it is what it seems to be
foreign() {
	for name in "$1" "$1.raw" "$1.img"; do
		[ -e "$name" ] || cp "$1" "$name"
		run 1 vu convert "$name" new.vhdx
		grep -v '^hint: ' "$err" >lines
		[ "$(wc -l <lines)" -eq 1 ] || fail "the message is not one line"
		absent new.vhdx
	done
	elsewhere "$1" "$2"
	err_has "$3"
	rm lines
}

# elsewhere NAME WHAT: all other verbs
elsewhere() {
	run 1 vu digest "$1"
	err_has "this is $2"
	err_lacks "--source-format"
	run 1 vu compare "$1" disk.raw
	err_has "this is $2"
	run 1 vu resize "$1.raw" 64M
	err_has "this is $2"
	run 1 vu lint --for azure "$1"
	err_has "this is $2"
	run 1 vu info "$1"
	err_has "this is $2"
	run 1 vu create --for xen --parent "$1" new.vhd
	err_has "this is $2"
	run 1 vu snapshot --for xen "$1" new.vhd
	err_has "this is $2"
	absent new.vhd
	run 0 vu convert --source-format raw "$1" new.vhdx
	run 0 vu read --output back new.vhdx
	starts_with back "$1"
	run 1 vu info "$1"
	rm -f back new.vhdx "$1" "$1.raw" "$1.img"
}

# made MARK OFFSET: a file of 4 KiB with these bytes in it
made() {
	rm -f f
	truncate -s 4096 f
	# shellcheck disable=SC2059 # the mark is in octal
	printf "$1" | patch f "$2"
}

raw_disk disk.raw
truncate -s 40M disk.raw
made 'QFI\373\0\0\0\3' 0
foreign f "a qcow2 image" "vhd-util convert "
made 'KDMV\1\0\0\0' 0
foreign f "a VMDK image" "vhd-util convert "
made '# Disk DescriptorFile\n' 0
foreign f "a VMDK image" "vhd-util convert "
made '<<< Oracle VM VirtualBox Disk Image >>>\n' 0
printf '\177\20\332\276' | patch f 64
foreign f "a VDI image" "vhd-util convert "
made 'QED\0' 0
foreign f "a QED image" "vhd-util convert "
made '\37\213\10' 0
foreign f "packed with gzip" "gzip -dk "
made '\3757zXZ\0' 0
refused f "packed with xz" "xz -dk "
made '\50\265\57\375' 0
refused f "packed with zstd" "zstd -d "
made 'BZh91AY&SY' 0
refused f "packed with bzip2" "bzip2 -dk "
made 'PK\3\4' 0
refused f "a zip file" "unzip "
made 'ustar' 257
foreign f "a tar file (or an OVA)" "tar -xf "

# What a guest writes to the start of its disk does not matter in an image.
made 'QFI\373' 0
truncate -s 4M f
run 0 vu convert --source-format raw --type fixed f fixed.vhd
run 0 vu convert fixed.vhd back.raw
same f back.raw
run 0 vu info fixed.vhd
run 0 vu create --for xen --parent fixed.vhd child.vhd

# A file that just is no image is a raw disk, as it always was.
run 0 vu convert disk.raw disk.vhdx
if command -v gzip >/dev/null 2>&1; then
	gzip -c disk.raw >packed.img
	run 1 vu digest packed.img
	err_has "hint: take the disk out of it first: gzip -dk packed.img"
fi
