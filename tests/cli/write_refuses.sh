#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What cannot be written is refused before anything is.
. "$(dirname "$0")/functions.sh"

noise 2000000 >data
run 0 vu create --size 16M a.vhd
run 0 vu create --size 16M a.vhdx
no() {
	run 1 "$@"
	out_empty
	one_sentence write
	same $f keep
}
# piped FILE COMMAND...: what a pipe gives has no length.
piped() {
	file=$1
	shift
	head -c 100M "$file" | "$@"
}
for f in a.vhd a.vhdx; do
	cp $f keep
	no vu write --offset 15M $f data
	err_has "past the end of the disk (16 MiB)"
	err_has "hint: the size of the disk is shown by: vhd-util info $f"
	no vu write --offset 16M $f data
	no vu write --offset 17M $f data
	no vu write --offset 17M $f
	no vu write --offset 16M $f
	no vu write --offset 15M --length 2M $f
	no vu write --zero --offset 15M --length 1048577 $f
	no vu write --offset 18446744073709551615 --length 2 $f data
	no vu write --length 2000001 $f data
	err_has "data: ends after 2000000 of 2000001 bytes; 0 were written"
	no vu write $f missing
	err_has "missing: No such file"
	mkdir -p dir
	no vu write $f dir
	no vu write $f $f
	err_has "is the image that is to be written"
	# A pipe shows its length only at its end: here within one piece.
	got=0
	piped data vu write --offset 15M $f >"$out" 2>"$err" || got=$?
	[ $got -eq 1 ] || fail "a pipe too long: status $got"
	one_sentence write
	err_has "goes on past the end of the disk (16 MiB); 0 bytes"
	same $f keep
	got=0
	piped data vu write --length 3M $f >"$out" 2>"$err" || got=$?
	[ $got -eq 1 ] || fail "a pipe too short: status $got"
	err_has "ends after 2000000 of 3145728 bytes; 2000000 were written"
	run 0 vu check --quiet $f
done

# Up to the last byte is fine; one more is not.
f=a.vhdx
run 0 vu write --zero --offset 16777215 --length 1 $f
cp $f keep
no vu write --zero --offset 16777215 --length 2 $f

f=disk.raw
raw_disk $f
cp $f keep
no vu write $f data
err_has "a raw disk becomes one with: vhd-util convert"
f=keep
no vu write missing.vhdx data
absent missing.vhdx
no vu write dir data
