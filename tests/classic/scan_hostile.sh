#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# scan in a folder that somebody else fills: it ends, says what each thing is, and
# follows nothing round in a ring.
. "$(dirname "$0")/lib.sh"
requires python3 mkfifo timeout

bounded() { timeout 60 "$VHD_UTIL" "$@"; }
opening() { echo "vhd=$1 scan-error=-22 error-message='opening file'"; }

# seal FILE WHERE OFF HEX: bytes of the copy of the footer (0) or the header
# (512), with the checksum made good
cat >seal.py <<'P'
import sys
name, where, off, data = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
length, at = (1024, 36) if where == 512 else (512, 64)
with open(name, "r+b") as f:
    f.seek(where)
    b = bytearray(f.read(length))
    b[off:off + len(data)] = data
    b[at:at + 4] = bytes(4)
    b[at:at + 4] = (~sum(b) & 0xffffffff).to_bytes(4, "big")
    f.seek(where)
    f.write(b)
P
seal() { python3 "$T/seal.py" "$@"; }

mkdir sr
vu create -n p.vhd -s 16
vu snapshot -n q.vhd -p p.vhd -e
vu snapshot -n r.vhd -p q.vhd -e
size=$(stat -c %s r.vhd)
line() { echo "vhd=$1 capacity=16777216 size=$size hidden=0 parent=$2"; }

# Its own parent; two that are each other's; a chain that leads into the ring.
cp q.vhd sr/p.vhd
cp q.vhd sr/q.vhd
cp r.vhd sr/r.vhd
mkdir sr/two
cp r.vhd sr/two/p.vhd
cp q.vhd sr/two/q.vhd
cp r.vhd sr/two/r.vhd
cd sr || exit
for how in -a -fa; do
	run 0 bounded scan $how p.vhd
	expect_out "$(line p.vhd p.vhd)\n"
	run 0 bounded scan $how r.vhd
	expect_out "$(line r.vhd q.vhd)\n$(line q.vhd p.vhd)\n$(line p.vhd p.vhd)\n"
	run 0 bounded scan $how two/r.vhd
	expect_out "$(line r.vhd q.vhd)\n$(line q.vhd p.vhd)\n$(line p.vhd q.vhd)\n"
done
run 0 bounded scan -p -m '*.vhd'
expect_out "$(line p.vhd p.vhd)\n   $(line q.vhd p.vhd)\n      $(line r.vhd q.vhd)\n"
run 0 bounded scan -p -m 'two/*.vhd'
expect_out "$(line p.vhd q.vhd)\n   $(line q.vhd p.vhd)\n      $(line r.vhd q.vhd)\n"

# What is no file.
mkfifo fifo.vhd
mkdir folder.vhd
ln -s /dev/zero zero.vhd
ln -s loop.vhd loop.vhd
python3 -c 'import socket
socket.socket(socket.AF_UNIX).bind("socket.vhd")'
for name in fifo folder zero socket; do
	run 22 bounded scan -f "$name.vhd"
	expect_out "$(opening $name.vhd)\n"
	run 0 bounded scan -c "$name.vhd"
	expect_out "$(opening $name.vhd)\n"
done
run 40 bounded scan -f loop.vhd
expect_out "vhd=loop.vhd scan-error=-40 error-message='failure scanning target'\n"
run 0 bounded scan -f -c -a -m '*.vhd'
same "$(wc -l <"$out")" 8 "the lines are"
same "$(grep -c scan-error= "$out")" 5 "errors are"
rm -r ./*.vhd

# A raw parent that is none.
truncate -s 2M raw.raw
vu snapshot -n onraw.vhd -p raw.raw -m
rm raw.raw
mkfifo raw.raw
run 22 bounded scan -f -a onraw.vhd
expect_line "$(opening raw.raw)"
rm raw.raw onraw.vhd

# Numbers of any size, names that lead elsewhere or nowhere.
cp ../r.vhd .
seal r.vhd 0 48 ffffffffffffffff
seal r.vhd 512 28 ffffffff
seal r.vhd 512 16 fffffffffffffe00
run 0 bounded scan -f r.vhd
expect_out "vhd=r.vhd capacity=18446744073709551615 size=$size hidden=0 parent=q.vhd\n"
run 0 bounded scan -M -f r.vhd
cp ../r.vhd .
seal r.vhd 0 60 00000007
run 22 bounded scan -f r.vhd
expect_out "$(opening r.vhd)\n"
cp ../r.vhd .
seal r.vhd 512 0 "$(printf cxsparsf | od -An -tx1 | tr -d ' \n')"
run 22 bounded scan -f r.vhd
expect_out "$(opening r.vhd)\n"
# UTF-16 of "../../a b=c" and a line's end.
cp ../r.vhd .
seal r.vhd 512 64 002e002e002f002e002e002f00610020\
0062003d0063000a0000
run 0 bounded scan -f r.vhd
expect_out "vhd=r.vhd capacity=16777216 size=$size hidden=0 parent=a\\\\x20b\\\\x3dc\\\\x0a\n"
run 0 bounded scan -f -a r.vhd
same "$(wc -l <"$out")" 2 "the lines are"
expect_line "vhd=a\\x20b\\x3dc\\x0a scan-error=-2 error-message='failure scanning target'"
seal r.vhd 512 64 "$(printf '%0512d' 0)"
run 22 bounded scan -f r.vhd
expect_out "vhd=r.vhd scan-error=-22 error-message='getting parent'\n"
# Locators beyond everything: the header's name is left.
cp ../r.vhd .
for off in 576 600 624; do
	seal r.vhd 512 $((off + 8)) ffffffff00000000fffffffffffffe00
done
run 0 bounded scan -c r.vhd
expect_out "$(line r.vhd q.vhd)\n"
rm r.vhd

# Five thousand, in a few calls of the system for each.
mkdir many
python3 - <<'P'
import os, shutil
for i in range(10):
    shutil.copy("../r.vhd", "many/%d.vhd" % i)
for i in range(10, 5000):
    os.link("many/%d.vhd" % (i % 10), "many/%d.vhd" % i)
P
run 0 bounded scan -f -m "$PWD/many/*.vhd"
same "$(wc -l <"$out")" 5000 "the lines are"
run 0 bounded scan -f -c -a -m "many/*.vhd"
same "$(wc -l <"$out")" 5001 "the lines are"
run 0 bounded scan -p -m "many/*.vhd"
same "$(wc -l <"$out")" 5000 "the lines are"
if command -v strace >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null; then
	strace -E ASAN_OPTIONS=detect_leaks=0 -f -o .trace \
		"$VHD_UTIL" scan -f -m "many/*.vhd" >"$out"
	same "$(wc -l <"$out")" 5000 "the lines are"
	calls=$(wc -l <.trace)
	echo "$calls calls of the system for 5000 files"
	[ "$calls" -lt 60000 ] || fail "$calls calls are too many"
	# The copy of the footer and the header, and nothing else.
	same "$(grep -c 'pread64(.*, 1536, 0) = 1536$' .trace)" 5000 "reads are"
fi

# One behind the other, deeper than any chain that works.
mkdir deep
cd deep || exit
python3 - <<'P'
data = bytearray(open("../../r.vhd", "rb").read())
for i in range(2000):
    head = data[512:1536]
    head[64:576] = ("%d.vhd" % (i + 1)).encode("utf-16-be").ljust(512, b"\0")
    head[576:576 + 8 * 24] = bytes(8 * 24)
    head[36:40] = bytes(4)
    head[36:40] = (~sum(head) & 0xffffffff).to_bytes(4, "big")
    with open("%d.vhd" % i, "wb") as f:
        f.write(data[:512] + head + data[1536:])
P
run 0 bounded scan -f -a 0.vhd
same "$(wc -l <"$out")" 2001 "the lines are"
expect_line "vhd=2000.vhd scan-error=-2 error-message='failure scanning target'"
run 0 bounded scan -p -m '*.vhd'
same "$(wc -l <"$out")" 2000 "the lines are"
