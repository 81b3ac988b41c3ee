#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# set: Xen's flag in both footers, the marker in the batmap's header.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

# The 32 KiB table and the rest: the batmap's header of a disk of 16 MiB.
note=$((0x800))

hidden_is() {
	same "$(be "$1" 85 1)" "$2" "the copy says"
	same "$(be "$1" $(($(bytes_of "$1") - 512 + 85)) 1)" "$2" \
		"the footer says"
	run 0 vu query -n "$1" -f
}

vu create -n a.vhd -s 16
pattern a.vhd 100 40 AAAA
cp a.vhd was.vhd
content=$(digest a.vhd)

# Silent, both footers, and nothing else.
run 0 vu set -n a.vhd -f hidden -v 1
expect_silent
hidden_is a.vhd 1
expect_out 'hidden: 1\n'
run 0 vu check -n a.vhd
cmp -l was.vhd a.vhd >changes || true
same "$(wc -l <changes)" "$(awk '{ o = $1 - 1; s = '"$(bytes_of a.vhd)"' - 512
	if ((o >= 64 && o < 68) || o == 85 || (o >= s + 64 && o < s + 68) ||
	    o == s + 85) n++ } END { print n }' changes)" \
	"bytes beside flag and checksum changed:"
run 0 vu set --debug -n a.vhd -f hidden -v 0 --debug
expect_silent
same_file a.vhd was.vhd
run 0 vu set -nwas.vhd -fhidden -v1
run 0 vu set -v 0 -f hidden -n was.vhd
same_file a.vhd was.vhd
same "$(digest a.vhd)" "$content"

# Any byte is stored; a check minds more than 1.
run 0 vu set -n a.vhd -f hidden -v 200
hidden_is a.vhd 200
expect_out 'hidden: -56\n'
run 22 vu check -n a.vhd
expect_first "primary footer invalid: invalid 'hidden' state"
run 0 vu set -n a.vhd -f hidden -v 255
run 0 vu set -n a.vhd -f hidden -v 0

# The marker is in the batmap's header only.
run 0 vu set -n a.vhd -f marker -v 200
expect_silent
same "$(hex a.vhd $note 8)" 74646261746d6170
same "$(be a.vhd $((note + 28)) 1)" 200 "the marker is"
run 0 vu query -n a.vhd -mf
expect_out 'hidden: 0\nmarker: -56\n'
run 0 vu check -n a.vhd
run 0 vu set -n a.vhd -f marker -v 0
same_file a.vhd was.vhd

# Wrong use.
for value in 256 1000000000000000000000 -1 x '' 1x 0x1; do
	run 22 vu set -n a.vhd -f hidden -v "$value"
	expect_out "invalid value $value\\n"
	expect_err ''
done
run 22 vu set -n a.vhd -f color -v 1
expect_out 'invalid field color\n'
run 22 vu set -n a.vhd -f hidden
run 22 vu set -n a.vhd -v 1
run 22 vu set -f hidden -v 1 --debug
run 22 vu set -n a.vhd -f hidden -v 1 more
run 22 vu set --debug -h
run 22 vu set -n a.vhd -x
grep -q "^set: invalid option -- 'x'" "$err" || fail "no complaint about -x"
run 2 vu set -n nope.vhd -f hidden -v 1
expect_out 'error opening nope.vhd: -2\n'
head -c 4096 /dev/zero >zero.vhd
run 22 vu set -n zero.vhd -f hidden -v 1
expect_out 'error opening zero.vhd: -22\n'
same_file a.vhd was.vhd

# One footer is enough: the other one is written as well.
size=$(bytes_of a.vhd)
for fill in 00 c7 ff; do
	cp was.vhd lost.vhd
	poke lost.vhd $((size - 512)) \
		"$(printf "%512s" '' | sed "s/ /$fill/g")"
	run 0 vu set -n lost.vhd -f hidden -v 1
	hidden_is lost.vhd 1
	same "$(bytes_of lost.vhd)" "$size"
	run 0 vu check -n lost.vhd
	same "$(digest lost.vhd)" "$content"
done
cp was.vhd lost.vhd
poke lost.vhd 0 "$(printf '%512s' '' | sed 's/ /00/g')"
run 0 vu set -n lost.vhd -f hidden -v 1
hidden_is lost.vhd 1
run 0 vu check -n lost.vhd

# A footer of 511 bytes gets its last one.
head -c $((size - 1)) was.vhd >short.vhd
run 0 vu set -n short.vhd -f hidden -v 1
hidden_is short.vhd 1
same "$(bytes_of short.vhd)" "$size"

# What a fixed disk has: one footer, and no batmap.
vu create -n fixed.vhd -s 4 -r
cp fixed.vhd fixed.was
run 0 vu set -n fixed.vhd -f hidden -v 1
run 0 vu query -n fixed.vhd -f
expect_out 'hidden: 1\n'
same "$(hex fixed.vhd 0 512)" "$(printf '%1024s' '' | tr ' ' 0)" "the disk has"
run 0 vu set -n fixed.vhd -f hidden -v 0
same_file fixed.vhd fixed.was
if setfattr -n user.test -v 1 fixed.vhd 2>/dev/null; then
	run 0 vu set -n fixed.vhd -f marker -v 77
	expect_silent
	same "$(getfattr --only-values -n \
		user.com.citrix.xenclient.backend.marker fixed.vhd)" M
	run 0 vu query -n fixed.vhd -m
	expect_out 'marker: 77\n'
fi

# An interrupted resize is left alone.
poison was.vhd poison.vhd
cp poison.vhd poison.was
run 22 vu set -n poison.vhd -f hidden -v 1
expect_out 'error opening poison.vhd: -22\n'
run 22 vu set -n poison.vhd -f marker -v 1
same_file poison.vhd poison.was

# An encrypted disk's headers are changed like any other's.
vu create -n key.vhd -s 16
vu key -s -n key.vhd -H \
	00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
run 0 vu set -n key.vhd -f hidden -v 1
run 0 vu set -n key.vhd -f marker -v 5
run 0 vu query -n key.vhd -fm
expect_out 'hidden: 1\nmarker: 5\n'

# Somebody writes: clients try again.
python3 - "$VHD_UTIL" <<'EOF'
import fcntl, struct, subprocess, sys
with open("a.vhd", "r+b") as f:
    # Nobody else may write: byte 201, as a lock of QEMU's.
    lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 201, 1, 0)
    fcntl.fcntl(f, 37, lock)
    got = subprocess.run([sys.argv[1], "set", "-n", "a.vhd", "-f", "hidden",
                          "-v", "1"], stdout=subprocess.PIPE)
    sys.exit(got.returncode != 11 or
             got.stdout != b"error opening a.vhd: -11\n")
EOF
same_file a.vhd was.vhd

# It is done all the time: one flush.
if command -v strace >/dev/null 2>&1; then
	strace -f -E ASAN_OPTIONS=detect_leaks=0 -o trace \
		-e trace=fsync,fdatasync,sync_file_range \
		"$VHD_UTIL" set -n a.vhd -f hidden -v 1
	same "$(grep -c 'sync' trace)" 1 "flushes:"
fi
