# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034
#
# Helpers of the tests of the classic command line.  A test is a script of its
# own, named for a verb or a matter, that sources this file and works in a fresh
# directory ($T, also the current one).  $VHD_UTIL names the program.
#
#	vu ...			the program
#	td ...			td-util; the test is skipped without it
#	run STATUS COMMAND...	run it, demand that exit status; its output is in
#				$out and $err (files)
#	expect_out TEXT		stdout of the last run, byte for byte; TEXT is a
#				format of printf without arguments: '64\n'
#	expect_err TEXT		the same of stderr
#	expect_silent		neither has a byte
#	expect_first TEXT	first line of stdout
#	expect_line TEXT	some line of stdout is TEXT
#	same A B [WHAT]		two texts are equal
#	same_file A B		two files are equal
#	fail TEXT		end the test
#	requires COMMAND...	skip the test where one is missing
#	skip TEXT; skip_host TEXT
#	as_nobody		$as COMMAND... is run by somebody who is not root;
#				false where that cannot be had
#
#	hex FILE OFF LEN	these bytes as hex
#	poke FILE OFF HEX	put bytes there
#	be FILE OFF LEN		a big-endian number, as decimal
#	bytes_of FILE		its length; of a device too
#	sum FILE		SHA-256 of a file
#	digest FILE		SHA-256 of the disk, read through the chain
#	pattern FILE SECTOR COUNT TAG	write sectors into an image: the number of
#				each, and TAG, over and over, as in the samples
#	zeros FILE SECTOR COUNT
#	pattern_data SECTOR COUNT TAG	the same bytes to stdout
#
# For devices (root only, else the test is skipped):
#
#	private_dev "$@"	first thing after sourcing: go on in a mount
#				namespace with a /dev of its own
#	loop_add FILE		attach; the device is $loop; gone when the test is
#	loop_del DEVICE		detach, with what mapper() has named it
#	mapper DEVICE NAME	/dev/mapper/NAME, the same device (private_dev)
#	dm_linear NAME DEVICE...	a real linear volume over these; false
#				where there is no device-mapper
#
# Exit status 77 means skipped; "SKIP(host)": no package could change it.

set -eu
for name in $(env | sed -n 's/^\(VHD_UTIL_TEST_FAIL_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
LC_ALL=C
TZ=UTC
export LC_ALL TZ

: "${VHD_UTIL:?is not set}"
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
T=$(mktemp -d "${TMPDIR:-/tmp}/vhd-classic.XXXXXX")
out=$T/.out
err=$T/.err
loop=
loops_held=
dm_names=
cleanup() {
	for name in $dm_names; do
		DM_DISABLE_UDEV=1 timeout 120 \
			dmsetup remove --retry "$name" >/dev/null 2>&1 || true
	done
	for pair in $loops_held; do
		eval "exec ${pair%%:*}<&-"
	done
	umount "$T/.dev" 2>/dev/null || true
	chmod -R u+rwX "$T" 2>/dev/null || true
	rm -rf --one-file-system "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
cd "$T"

vu() {
	"$VHD_UTIL" "$@"
}

td() {
	[ -n "${TD_UTIL-}" ] || skip "there is no td-util"
	"$TD_UTIL" "$@"
}

skip() {
	echo "SKIP: $*"
	exit 77
}

skip_host() {
	echo "SKIP(host): $*"
	exit 77
}

requires() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || skip "there is no $tool"
	done
}

as_nobody() {
	as=
	[ "$(id -u)" -eq 0 ] || return 0
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	chmod 755 "$T"
	if ! $as "$VHD_UTIL" query -n "$T" -v 2>&1 | grep -q 'error opening'; then
		echo "no other user can run the program: not tried"
		return 1
	fi
}

fail() {
	echo "FAILED: $*"
	echo "--- last command: ${last:-none}"
	[ ! -e "$out" ] || { echo "--- stdout:"; head -c 4000 "$out"; echo; }
	[ ! -e "$err" ] || { echo "--- stderr:"; head -c 4000 "$err"; }
	exit 1
}

run() {
	want=$1
	shift
	last="$*"
	status=0
	"$@" >"$out" 2>"$err" || status=$?
	[ "$status" -eq "$want" ] || fail "exit status $status, not $want"
}

# A file's bytes are those that printf makes of a format.
is_text() {
	# shellcheck disable=SC2059
	printf "$2" | cmp -s - "$1" || {
		echo "--- expected:"
		# shellcheck disable=SC2059
		printf "$2"
		fail "$3"
	}
}

expect_out() { is_text "$out" "$1" "other output"; }
expect_err() { is_text "$err" "$1" "other messages"; }
expect_silent() {
	[ ! -s "$out" ] || fail "something on stdout"
	[ ! -s "$err" ] || fail "something on stderr"
}
expect_first() {
	[ "$(head -n 1 "$out")" = "$1" ] || fail "the first line is not: $1"
}
expect_line() {
	grep -qxF -e "$1" "$out" || fail "no line: $1"
}
same() {
	[ "$1" = "$2" ] || fail "${3:-it is} '$1', not '$2'"
}
same_file() {
	cmp "$1" "$2" || fail "$1 and $2 differ"
}

hex() { od -An -v -tx1 -j "$2" -N "$3" "$1" | tr -d ' \n'; }
be() { printf '%d\n' "0x$(hex "$@")"; }
poke() {
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    f.write(bytes.fromhex(sys.argv[3]))
' "$@"
}
bytes_of() {
	if [ -b "$1" ]; then
		blockdev --getsize64 "$1"
	else
		stat -L -c %s "$1"
	fi
}
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }

# A disk may have parents anywhere, and a marked sector stays what it is.
digest() {
	"$VHD_UTIL" read --any-parent-dir --ignore-parent-id --no-progress \
		"$1" >"$T/.disk" || fail "cannot read $1"
	sum "$T/.disk"
	rm -f "$T/.disk"
}

# Both footers of SRC as a resize leaves them that was interrupted, in DST.
poison() {
	python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read())
for at in (0, len(data) - 512):
    foot = data[at:at + 512]
    foot[0:8] = b"v_poison"
    foot[64:68] = bytes(4)
    foot[64:68] = (~sum(foot) & 0xffffffff).to_bytes(4, "big")
    data[at:at + 512] = foot
open(sys.argv[2], "wb").write(data)' "$1" "$2"
}

pattern_data() {
	python3 -c 'import sys
first, count, tag = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
for i in range(first, first + count):
    sys.stdout.buffer.write((i.to_bytes(8, "big") + tag.ljust(8)[:8]) * 32)
' "$@"
}
put_sectors() {
	"$VHD_UTIL" write --any-parent-dir --ignore-parent-id --orphan \
		--no-progress --offset $(($2 * 512)) "$1" ||
		fail "cannot write into $1"
}
pattern() { pattern_data "$2" "$3" "$4" | put_sectors "$1" "$2"; }
zeros() { head -c $(($3 * 512)) /dev/zero | put_sectors "$1" "$2"; }

# A folder /dev that is nobody else's: what is named in it ends with the test.
private_dev() {
	[ "$(id -u)" -eq 0 ] || skip_host "only root may use loop devices"
	if [ -z "${VHD_CLASSIC_BOX-}" ]; then
		requires unshare losetup
		unshare -m true 2>/dev/null ||
			skip_host "mount namespaces cannot be made here"
		# The folder of this shell is not used any more.
		got=0
		VHD_CLASSIC_BOX=1 unshare -m sh "$self" "$@" || got=$?
		exit "$got"
	fi
	[ -c /dev/loop-control ] ||
		skip_host "there are no loop devices on this machine"
	mkdir "$T/.dev"
	mount -t tmpfs -o mode=755 tmpfs "$T/.dev"
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 666 "$T/.dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 600 "$T/.dev/loop-control" c 10 237
	mkdir "$T/.dev/mapper" "$T/.dev/shm" "$T/.dev/pts"
	minor=$(awk '$2 == "device-mapper" { print $1 }' /proc/misc)
	[ -z "$minor" ] ||
		mknod -m 600 "$T/.dev/mapper/control" c 10 "$minor"
	ln -s /proc/self/fd "$T/.dev/fd"
	for name in stdin:0 stdout:1 stderr:2; do
		ln -s "/proc/self/fd/${name#*:}" "$T/.dev/${name%:*}"
	done
	mount --move "$T/.dev" /dev
}

# A device ends when the descriptor of this shell does, however that ends.
loop_add() {
	[ "$(id -u)" -eq 0 ] || skip_host "only root may use loop devices"
	[ -c /dev/loop-control ] ||
		skip_host "there are no loop devices on this machine"
	fd=3
	for pair in $loops_held; do
		[ "${pair%%:*}" -ne "$fd" ] || fd=$((fd + 1))
	done
	[ "$fd" -le 9 ] || fail "more than 7 loop devices in one test"
	loop=
	for try in 1 2 3 4 5 6 7 8 9 10; do
		loop=$(timeout 120 losetup -f) ||
			skip_host "there is no loop device to be had"
		[ -b "$loop" ] || mknod -m 600 "$loop" b 7 "${loop#/dev/loop}"
		timeout 120 losetup "$loop" "$1" 2>/dev/null && break
		loop=
		sleep "0.$try"
	done
	[ -n "$loop" ] || skip_host "there is no loop device to be had"
	eval "exec $fd<>$loop"
	losetup -d "$loop"
	# In order, so that the first free number is found as above.
	# shellcheck disable=SC2086
	loops_held=$(printf '%s\n' $loops_held "$fd:$loop" | sort -n)
}
# Whoever asks next gets its number: no name of mapper() may lead there.
loop_del() {
	kept=
	for node in ${VHD_CLASSIC_BOX:+/dev/mapper/*}; do
		[ "$(stat -c %F:%t:%T "$node")" != \
			"$(stat -c %F:%t:%T "$1")" ] || rm "$node"
	done
	for pair in $loops_held; do
		if [ "${pair#*:}" = "$1" ]; then
			eval "exec ${pair%%:*}<&-"
		else
			kept="$kept $pair"
		fi
	done
	loops_held=$kept
}

# What device-mapper would make; the number of a device is what it is.
mapper() {
	[ -n "${VHD_CLASSIC_BOX-}" ] || fail "mapper: private_dev was not called"
	mknod -m 600 "/dev/mapper/$2" b \
		"$(printf '%d' "0x$(stat -c %t "$1")")" \
		"$(printf '%d' "0x$(stat -c %T "$1")")"
}

dm_linear() {
	name=$1
	shift
	command -v dmsetup >/dev/null 2>&1 || return 1
	start=0
	for dev; do
		secs=$(blockdev --getsz "$dev")
		echo "$start $secs linear $dev 0"
		start=$((start + secs))
	done | DM_DISABLE_UDEV=1 timeout 120 dmsetup create "$name" \
		>/dev/null 2>&1 || return 1
	dm_names="$dm_names $name"
	[ -b "/dev/mapper/$name" ]
}
