#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One writer at a time, and no reader beside it: among us, and with QEMU.
. "$(dirname "$0")/functions.sh"

requires mkfifo
busy() {
	run 1 "$@"
	out_empty
	one_sentence "$2"
	err_has "another program"
	err_has "hint: stop the program that uses it"
}

# hold COMMAND...: run it with a pipe as its input, which stays open.
hold() {
	rm -f hold
	mkfifo hold
	"$@" <hold >held.out 2>&1 &
	pid=$!
	exec 3>hold
}
release() {
	exec 3>&-
	wait $pid || fail "the holder ended with $?: $(cat held.out)"
}
# More than the pipe takes: the holder reads it, and so has locked its image.
feed() { { echo first; head -c 70000 data; } >&3; }

noise 70000 >data
for f in a.vhd a.vhdx; do
	run 0 vu create --size 16M $f
	hold vu write $f
	feed
	busy vu write $f data
	busy vu trim --length 1M $f
	busy vu info $f
	busy vu read --length 512 $f
	busy vu convert $f out.raw
	run 0 vu info --no-lock $f
	case $f in *.vhd) format=vpc ;; *) format=vhdx ;; esac
	if command -v qemu-io >/dev/null 2>&1; then
		run 1 qemu-io -f $format -c 'write 0 512' $f
		run 1 qemu-img info -f $format $f
		err_has "lock"
	fi
	release
	[ "$(vu read --length 5 $f)" = first ] || fail "other bytes"
	run 0 vu write $f data

	# QEMU keeps writers out.
	command -v qemu-io >/dev/null 2>&1 || continue
	qemu_holds $format $f write
	busy vu write $f data
	busy vu trim --length 1M $f
	busy vu bench --pattern write --yes $f
	qemu_lets_go
done

# A reader keeps writers out, and no other reader.
mkfifo full
exec 4<>full
"$VHD_UTIL" read a.vhdx >full 2>/dev/null 4>&- &
pid=$!
dd bs=1 count=1 <&4 >first 2>/dev/null
busy vu write a.vhdx data
run 0 vu info a.vhdx
kill $pid
wait $pid || true
exec 4>&-

# The parent of an image that is written is only read, so it has two children.
run 0 vu create --parent a.vhdx one.vhdx
run 0 vu create --parent a.vhdx two.vhdx
hold vu write one.vhdx
feed
run 0 vu write two.vhdx data
run 0 vu info a.vhdx
busy vu write a.vhdx data
release
