#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is no image gets one clear sentence and status 1.
. "$(dirname "$0")/functions.sh"

requires timeout
refused() {
	for verb in info map check; do
		run 1 timeout 120 "$VHD_UTIL" $verb "$1"
		out_lacks "sound"
		one_sentence $verb
		err_has "$1"
	done
	run 1 timeout 120 "$VHD_UTIL" convert "$1" out.vhdx
	out_empty
	one_sentence convert
	err_has "$1"
	absent out.vhdx
}
refused missing.vhd
err_has "No such file"
mkdir dir.vhd
refused dir.vhd
mkfifo fifo.vhd
refused fifo.vhd
refused /dev/null
: >empty.vhd
refused empty.vhd
: >empty.vhdx
refused empty.vhdx
echo "this is a text, and no image of a disk" >text.vhd
refused text.vhd
cp text.vhd text.vhdx
refused text.vhdx
err_has "hint: a raw disk of that name is taken with --source-format raw"
head -c 1M /dev/urandom >noise.avhdx
refused noise.avhdx
refused missing/dir/a.vhd
ln -s loop.vhd loop.vhd
refused loop.vhd
