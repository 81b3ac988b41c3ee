# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034,SC2317
#
# Helpers of the tests on file systems that share blocks, on top of those of the
# command line tests.  A script that sources this file is started again in a mount
# namespace of its own: whatever it mounts goes when it ends, however it ends, and
# the loop devices below, which detach themselves, go with it.
#
#	share_fs KIND SIZE	make one and mount it; go there.  KIND is xfs or
#				btrfs, and may be followed by options of mkfs
#	settle			all of it is on its disk
#	free_bytes		that the file system has, after settling
#	new_space COMMAND...	run it; in $grown how many bytes are free no more
#	sound IMAGE		check finds nothing
#	sum_of IMAGE		hash of the bytes of a disk, read through the program

: "${VHD_UTIL:?is not set}"
VHD_SHARE_SIZE=${VHD_SHARE_SIZE:-128}	# MiB of a dense source

if [ -z "${VHD_SHARE_BOX-}" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "SKIP(host): only root may mount loop devices"
		exit 77
	elif ! unshare -m true 2>/dev/null; then
		echo "SKIP(host): mount namespaces are not allowed here"
		exit 77
	elif [ ! -e /dev/loop-control ]; then
		echo "SKIP(host): there are no loop devices on this machine"
		exit 77
	fi
	VHD_SHARE_BOX=1
	export VHD_SHARE_BOX
	exec unshare -m sh "$0" "$@"
fi

. "$(dirname "$0")/../cli/functions.sh"

mounted=
# Commands of the test may still be there when it was ended by a signal.
cleanup() {
	cd /
	if [ -n "$mounted" ]; then
		umount "$mounted" 2>/dev/null || umount -l "$mounted" || true
	fi
	rm -rf --one-file-system "$T"
}

share_fs() {
	kind=$1 size=$2
	shift 2
	requires "mkfs.$kind"
	grep -qw "$kind" /proc/filesystems || modprobe "$kind" 2>/dev/null || {
		echo "SKIP(host): this kernel has no $kind"
		exit 77
	}
	[ -z "$mounted" ] || { cd "$T" && umount "$mounted"; }
	rm -f "$T/disk"
	truncate -s "$size" "$T/disk"
	timeout 120 "mkfs.$kind" -q "$@" "$T/disk" >"$out" 2>"$err" ||
		fail "mkfs.$kind"
	mkdir -p "$T/m"
	timeout 60 mount -o loop,discard "$T/disk" "$T/m" 2>"$err" || {
		grep -q 'loop device' "$err" || fail "mount"
		echo "SKIP(host): no loop device is to be had"
		exit 77
	}
	mounted=$T/m
	cd "$mounted"
	# Log, trees and what is reserved for sharing are not made later.
	: >first
	settle
	rm first
}

settle() { timeout 300 sync -f "$mounted"; }

free_bytes() {
	settle
	stat -f -c '%f %S' "$mounted" | {
		read -r count unit
		echo $((count * unit))
	}
}

new_space() {
	before=$(free_bytes)
	run 0 "$@"
	grown=$((before - $(free_bytes)))
}

# dense FILE MIB [MORE]: bytes that nobody can pack, and are not zeros.
dense() {
	head -c $(($2 * 1048576 + ${3:-0})) /dev/urandom >"$1"
	settle
}

sum_of() { vu convert --no-progress -O raw "$1" - | sha256sum; }
sum_of_file() { sha256sum <"$1"; }
bytes_of() { stat -c %s "$1"; }
space_of() {
	stat -c %b "$1" | {
		read -r count
		echo $((count * 512))
	}
}

# sound IMAGE: a raw disk is nothing that could be checked.
sound() {
	case $1 in
	*.raw) ;;
	*) run 0 vu check "$@" ;;
	esac
}

# number NAME: a field of the report of the last command.
number() {
	sed -n "s/^ *\"$1\": *\([0-9]*\),*\$/\1/p" "$out" | head -n 1
}

# shared PERCENT: at least so much of the data that the last command moved.
shared() {
	data=$(number data_bytes) got=$(number shared_bytes)
	[ "$((got * 100))" -ge $((data * $1)) ] ||
		fail "$got of $data bytes are shared"
}

# within WHAT BYTES LIMIT
within() {
	[ "$2" -le "$3" ] || fail "$1: $2 bytes, and not $3 at most"
}
