# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034
#
# For tests of NBD and of what QEMU reads and writes: on top of functions.sh.
#
#	serve ARG...	nbdkit in the background; its address is in $uri, its
#			process in $server
#	unserve		ends it
#	clean		no process, socket or file of ours is left
#
# Everything that is started inherits a mark, by which clean() finds it.

# An address says blanks in another way.
case ${TMPDIR-} in *[[:space:]]*) TMPDIR=/tmp ;; esac
. "$(dirname "$0")/functions.sh"

VHD_TEST_MARK=$T
# Folders with sockets are made here; short, or they go to /tmp.
TMPDIR=$T/t
export VHD_TEST_MARK TMPDIR
mkdir "$TMPDIR"
server=

nbd_cleanup() {
	[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
	cleanup
}
trap nbd_cleanup EXIT

got=0
vu convert "nbd+unix:///?socket=$T/none" none.raw 2>"$err" || got=$?
! grep -q "built without libnbd" "$err" || skip "vhd-util has no libnbd"

serve() {
	rm -f "$T/pid" "$T/sock"
	timeout -k 5 300 nbdkit -f -U "$T/sock" -P "$T/pid" "$@" \
		>"$T/log" 2>&1 </dev/null &
	job=$!
	n=0
	while [ ! -s "$T/pid" ]; do
		kill -0 $job 2>/dev/null || fail "nbdkit: $(cat "$T/log")"
		n=$((n + 1))
		[ $n -lt 3000 ] || fail "nbdkit does not start"
		sleep 0.02
	done
	server=$(cat "$T/pid")
	uri="nbd+unix:///?socket=$T/sock"
}

unserve() {
	kill "$server" 2>/dev/null || true
	wait "$job" 2>/dev/null || true
	server=
}

# Processes with our mark, but for this shell and what runs it.
marked() {
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		[ "$pid" -ne $$ ] || continue
		if { tr '\0' '\n' <"$dir/environ" |
		     grep -qxF "VHD_TEST_MARK=$T"; } 2>/dev/null; then
			name=$(cat "$dir/comm" 2>/dev/null) || continue
			case $name in
			vhd-util | qemu-* | nbdkit*) echo "$pid $name" ;;
			esac
		fi
	done
}

# What was killed needs a moment.
clean() {
	n=0
	while left=$(marked) && [ -n "$left" ]; do
		n=$((n + 1))
		[ $n -lt 1200 ] || fail "still running: $left"
		sleep 0.05
	done
	left=$(find "$TMPDIR" -mindepth 1)
	[ -z "$left" ] || fail "left behind: $left"
	left=$(find . -name '.vhd*' -o -name '*.tmp')
	[ -z "$left" ] || fail "left behind: $left"
}

# same_disk RAW FILE FORMAT: QEMU sees the same bytes.
same_disk() {
	run 0 qemu-img compare -q -f raw -F "$3" "$1" "$2"
}
