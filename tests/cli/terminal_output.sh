#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# On a terminal there is a friendly line, a picture, and colour.
. "$(dirname "$0")/functions.sh"

requires script
esc=$(printf '\033')
tty() {
	script -qec "$*" /dev/null >"$out" 2>&1 </dev/null || fail "status $?"
}
TERM=xterm
export TERM
raw_disk disk.raw
tty "'$VHD_UTIL' create --size 1G a.vhdx"
out_has "a.vhdx: made, dynamic vhdx, 1 GiB"
tty "'$VHD_UTIL' convert disk.raw b.vhdx"
out_has "b.vhdx: made"
tty "'$VHD_UTIL' map b.vhdx"
out_has "of the file"
tty "'$VHD_UTIL' map --start 0 --length 512 b.vhdx"
out_has "512 bytes of the disk, 1 extent"
out_lacks "1 extents"
out_has "block table"
out_has "${esc}["
tty "NO_COLOR=1 '$VHD_UTIL' map b.vhdx"
out_lacks "${esc}["
tty "TERM=dumb '$VHD_UTIL' info b.vhdx"
out_lacks "${esc}["
# Not on a terminal: none of it.
run 0 vu map --picture b.vhdx
out_lacks "$esc"
