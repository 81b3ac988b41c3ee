#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is no image at all: check, repair, salvage and lint each say so in one
# sentence, with a hint where there is one, and leave nothing behind.
. "$(dirname "$0")/functions.sh"

mkdir dir
: >empty
echo "Dear diary, no disk today." >text
{ printf '\377\330\377\340\0\020JFIF'; head -c 9001 /dev/urandom; } >pic.jpg
{ printf 'QFI\373\0\0\0\003'; head -c 196608 /dev/zero; } >disk.qcow2

# all FILE SENTENCE: what each of them says
all() {
	for verb in check repair lint salvage; do
		case $verb in
		lint) run 1 vu lint --for azure "$1" ;;
		salvage) run 1 vu salvage "$1" new.vhdx ;;
		*) run 1 vu $verb "$1" ;;
		esac
		err_has "vhd-util $verb: $1: $2"
		[ "$(wc -l <"$err")" -le 2 ] || fail "more than two lines"
		out_lacks "$1"
	done
}

all missing "cannot open the file: No such file or directory"
all dir "this is a directory and not a file"
all /dev/null "this is a character device and not a file"
all empty "the file is empty"
for file in text pic.jpg; do
	all $file "neither a VHD "
done
all disk.qcow2 "this is a qcow2 image and no raw disk"
err_has "hint: make an image of it first: vhd-util convert disk.qcow2 DISK.vhdx"
run 1 vu info empty
err_lacks "hint"
run 1 vu check text
err_has "hint: if it was a VHD or VHDX, what is left of it is copied out by: vhd-util salvage text NEW.vhdx"
run 1 vu repair text
err_has "hint: if it was an image, say which: --format vhd or --format vhdx"
run 1 vu salvage text new.vhdx
err_has "hint: if it was an image, say which: --source-format vhd or vhdx"
only dir empty text pic.jpg disk.qcow2
