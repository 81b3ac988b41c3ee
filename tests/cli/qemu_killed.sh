#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Whoever is killed, cancelled or fails in the midst of it: no process, no socket
# and no file is left, and nothing under the final name.
. "$(dirname "$0")/nbd_functions.sh"

requires nbdkit qemu-img qemu-nbd timeout
raw_disk disk.raw
truncate -s 40M disk.raw
run 0 qemu-img convert -f raw -O qcow2 disk.raw disk.qcow2

# The qemu-nbd of this test, once it is there.
find_qemu() {
	n=0
	while qemu=$(marked | sed -n 's/ qemu-nbd$//p') && [ -z "$qemu" ]; do
		n=$((n + 1))
		[ $n -lt 3000 ] || fail "there is no qemu-nbd"
		sleep 0.02
	done
}

# begin SRC DST: in the background, $vu is its process
begin() {
	"$VHD_UTIL" convert "$@" >"$out" 2>"$err" </dev/null &
	vu=$!
	find_qemu
	# What it needed to start goes again.
	n=0
	while left=$(find "$TMPDIR" -mindepth 1) && [ -n "$left" ]; do
		n=$((n + 1))
		[ $n -lt 3000 ] || fail "while it runs there is: $left"
		sleep 0.02
	done
	sleep 0.3
}

# ended STATUS
ended() {
	got=0
	wait "$vu" || got=$?
	[ $got -eq "$1" ] || fail "status $got, not $1"
}

# A source that takes its time, into a new file; and the other way.
into() {
	serve --filter=delay file disk.raw delay-read=3
	begin "$uri" new.qcow2
	absent new.qcow2
}
out_of() {
	serve --filter=delay memory 40M delay-write=3
	begin disk.qcow2 "$uri"
}

for way in into out_of; do
	$way
	kill -9 "$vu"
	ended 137
	kill -9 "$server"
	clean
	absent new.qcow2

	$way
	# The shell has its background jobs ignore INT.
	kill -TERM "$vu"
	ended 130
	[ "$(tail -n 1 "$err")" = "vhd-util convert: cancelled" ] ||
		fail "other words"
	kill -9 "$server"
	clean
	absent new.qcow2

	$way
	kill -9 "$qemu"
	ended 1
	grep -v '^hint: ' "$err" >lines
	[ "$(wc -l <lines)" -le 2 ] || fail "too many words"
	err_has "qemu-nbd was ended by signal 9"
	kill -9 "$server"
	clean
	absent new.qcow2 new.vhdx
	rm lines

	$way
	# A qemu-nbd that is asked to go.
	kill "$qemu"
	ended 1
	kill -9 "$server"
	clean
	absent new.qcow2
done

# At any moment.
moments="01 03 08"
[ -z "${VHD_SOAK:-}" ] || moments="01 02 03 05 08 12"
for after in $moments; do
	for sig in INT KILL; do
		timeout -s $sig "0.$after" "$VHD_UTIL" convert disk.raw \
			new.qcow2 >/dev/null 2>&1 || true
		[ ! -e new.qcow2 ] || same_disk disk.raw new.qcow2 qcow2
		rm -f new.qcow2 new.vhdx
		timeout -s $sig "0.$after" "$VHD_UTIL" convert disk.qcow2 \
			new.vhdx >/dev/null 2>&1 || true
		[ ! -e new.vhdx ] || same_disk disk.raw new.vhdx vhdx
		rm -f new.vhdx
		# Killed while it had a folder: that is all it may leave.
		[ $sig = INT ] || find "$TMPDIR" -mindepth 1 -delete
		clean
	done
done
