#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# query: one line for each item, in one order, whatever state the image is in.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

# Makes the checksum of the footer at OFF right again.
reseal() {
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    raw = bytearray(f.read(512))
    raw[64:68] = bytes(4)
    raw[64:68] = (~sum(raw) & 0xffffffff).to_bytes(4, "big")
    f.seek(int(sys.argv[2]))
    f.write(raw)
' "$@"
}
# FILE OFF HEX: the same change in both footers.
both() {
	poke "$1" "$2" "$3"
	reseal "$1" 0
	tail=$(($(bytes_of "$1") - 512))
	poke "$1" $((tail + $2)) "$3"
	reseal "$1" $tail
}
here=$(pwd -P)

# The example of the contract: every item, in its order whatever the options'.
vu create -n a.vhd -s 10
all='10\n3584\na.vhd has no parent\nhidden: 0\nmarker: 0\nchain depth: 1\n0\n10\n'
run 0 vu query -n a.vhd -vspfdSma
expect_out "$all"
expect_err ''
run 0 vu query --debug -Samdfpsv -n a.vhd --debug
expect_out "$all"
run 0 vu query -v -na.vhd -s
expect_out '10\n3584\n'
run 0 vu query -n a.vhd
expect_silent
run 2 vu query -n nope.vhd -v
expect_out 'error opening nope.vhd: -2\n'
expect_err ''

# Names are echoed as they were given.
mkdir sub
run 0 vu query -n sub/../a.vhd -p
expect_out 'sub/../a.vhd has no parent\n'
run 2 vu query -n ./sub//nope -p
expect_out 'error opening ./sub//nope: -2\n'

# Usage: 22, but 0 for -h; nothing is a name but what -n gives.
run 0 vu query -h
[ -s "$out" ] || fail "-h says nothing"
run 22 vu query -v
run 22 vu query -n a.vhd -v stray
run 22 vu query -n a.vhd -P
expect_err "query: invalid option -- 'P'\n"
run 22 vu query -n

# A chain: sizes, parents by canonical name, depth.
pattern a.vhd 0 8192 AAAA
pattern a.vhd 12288 5 BBBB
vu snapshot -n b.vhd -p a.vhd
mkdir links
ln -s ../b.vhd links/x.vhd
vu snapshot -n sub/c.vhd -p links/x.vhd -e
run 0 vu query -n a.vhd -vsafp
expect_out "10\\n$(bytes_of a.vhd)\\na.vhd has no parent\\nhidden: 0\\n3\\n"
run 0 vu query -n b.vhd -vsafp
expect_out "10\\n$(bytes_of b.vhd)\\n$here/a.vhd\\nhidden: 0\\n0\\n"
run 0 vu query -n sub/c.vhd -pd
expect_out "$here/b.vhd\\nchain depth: 3\\n"
in_sub() { (cd sub && vu "$@"); }
run 0 in_sub query -n c.vhd -dp
expect_out "$here/b.vhd\\nchain depth: 3\\n"
run 0 vu query -n links/x.vhd -p
expect_out "$here/a.vhd\\n"

# -u: the name as it is stored; nobody is looked for.
run 0 vu query -n sub/c.vhd -pu
expect_out '../b.vhd\n'
run 0 vu query -n b.vhd -u
expect_silent
run 0 vu query -n a.vhd -up
expect_out 'a.vhd has no parent\n'
mv a.vhd away.vhd
run 0 vu query -n b.vhd -upvf
expect_out '10\n./a.vhd\nhidden: 0\n'

# A parent that is gone: the items behind it are there, and the first status.
run 2 vu query -n b.vhd -vspfmdaS
expect_out "10\\n$(bytes_of b.vhd)\\nquery failed\\nhidden: 0\\nmarker: 0\\n\
error checking chain depth: -2\\n0\\n10\\n"
expect_err ''
run 2 vu query -n sub/c.vhd -pdv
expect_out "10\\n$here/b.vhd\\nerror checking chain depth: -2\\n"
mv away.vhd a.vhd

# No name can be read.
cp b.vhd nameless.vhd
for at in 3072 3584 4096; do
	poke nameless.vhd $at 00000000000000000000000000000000
done
run 22 vu query -n nameless.vhd -upf
expect_out 'query failed\nhidden: 0\n'

# A raw parent counts.
truncate -s 6M raw.img
vu snapshot -n onraw.vhd -p raw.img -m
run 0 vu query -n onraw.vhd -vpd
expect_out "6\\n$here/raw.img\\nchain depth: 2\\n"

# Fixed disks have no table.
vu create -n f.vhd -s 4 -r
run 22 vu query -n f.vhd -vspfmdaS
expect_out '4\n4194816\nf.vhd has no parent\nhidden: 0\nmarker: 0
chain depth: 1\nerror reading bat: -22\n0\n'
run 0 vu query -n f.vhd -vsS
expect_out '4\n4194816\n0\n'

# Sizes are rounded down; room for more is what -S says, and in use.
cp a.vhd odd.vhd
both odd.vhd 48 00000000009fffff
run 0 vu query -n odd.vhd -v
expect_out '9\n'
vu create -n big.vhd -s 16 -S 2097152
run 0 vu query -n big.vhd -vsS
expect_out "16\\n$(bytes_of big.vhd)\\n2097152\\n"
same "$(bytes_of big.vhd)" 4327936 "a volume's metadata for 2 TiB takes"
vu snapshot -n bigger.vhd -p big.vhd -S 2097152
run 0 vu query -n bigger.vhd -vsS
expect_out '16\n4329472\n2097152\n'

# Both bytes are printed signed.
vu set -n b.vhd -f hidden -v 1
vu set -n b.vhd -f marker -v 200
run 0 vu query -n b.vhd -fm
expect_out 'hidden: 1\nmarker: -56\n'
vu set -n b.vhd -f hidden -v 255
run 0 vu query -n b.vhd -f
expect_out 'hidden: -1\n'
vu set -n b.vhd -f hidden -v 0

# -b: the copy of the footer, of disks that have one.
cp a.vhd two.vhd
poke two.vhd 85 01
reseal two.vhd 0
run 0 vu query -n two.vhd -vsafpu
expect_out "10\\n$(bytes_of two.vhd)\\ntwo.vhd has no parent\\nhidden: 0\\n3\\n"
run 0 vu query -n two.vhd -vsafpub
expect_out "10\\n$(bytes_of two.vhd)\\ntwo.vhd has no parent\\nhidden: 1\\n3\\n"
run 0 vu query -n f.vhd -vbf
expect_out '4\nhidden: 0\n'
poke two.vhd 40 ff
run 0 vu query -n two.vhd -vf
expect_out '10\nhidden: 0\n'
run 22 vu query -n two.vhd -vfb
expect_out 'error opening two.vhd: -22\n'

# A lost primary footer stops nothing, and one of 511 bytes neither.
cp a.vhd lost.vhd
size=$(bytes_of lost.vhd)
poke lost.vhd $((size - 512)) "$(printf '%01024d' 0)"
run 0 vu query -n lost.vhd -vsafpd
expect_out "10\\n$size\\nlost.vhd has no parent\\nhidden: 0\\nchain depth: 1\\n3\\n"
cp a.vhd short.vhd
truncate -s $((size - 1)) short.vhd
run 0 vu query -n short.vhd -vsf
expect_out "10\\n$size\\nhidden: 0\\n"

# In the middle of a resize with a journal.
cp b.vhd poisoned.vhd
both poisoned.vhd 0 765f706f69736f6e
run 0 vu query -n poisoned.vhd -vpfdaS
expect_out "10\\n$here/a.vhd\\nhidden: 0\\nchain depth: 2\\n0\\n10\\n"

# What lasts is never 5 or 11: clients would try it again and again.
for n in 0 511 512 1000 1535 1536 1555; do
	head -c $n a.vhd >cut.vhd
	run 22 vu query -n cut.vhd -vsa
	expect_out 'error opening cut.vhd: -22\n'
done
head -c 3000000 a.vhd >cut.vhd
run 0 vu query -n cut.vhd -vsa
expect_out "10\\n$size\\n3\\n"
run 22 vu query -n raw.img -v
expect_out 'error opening raw.img: -22\n'
run 22 vu query -n sub -v
expect_out 'error opening sub: -22\n'
run 20 vu query -n a.vhd/x -v
expect_out 'error opening a.vhd/x: -20\n'

# A disk that is its own parent ends, and is no reason to try again.
cp b.vhd self.vhd
vu snapshot -n c2.vhd -p self.vhd -e
mv c2.vhd self.vhd
run 22 timeout 120 "$VHD_UTIL" query -n self.vhd -d
expect_out 'error checking chain depth: -22\n'
run 0 timeout 120 "$VHD_UTIL" query -n self.vhd -vp
expect_out "10\\n$here/self.vhd\\n"

# Nothing is written, and images that others hold can be asked about.
before=$(cat ./*.vhd sub/*.vhd | sha256sum)
run 0 vu query -n a.vhd -vspfmdaSub
same "$(cat ./*.vhd sub/*.vhd | sha256sum)" "$before" "images changed:"
chmod 400 a.vhd
run 0 vu query -n a.vhd -v
python3 -c 'import fcntl, subprocess, sys
with open("b.vhd", "r+b") as f:
    fcntl.lockf(f, fcntl.LOCK_EX)
    sys.exit(subprocess.call([sys.argv[1], "query", "-n", "b.vhd", "-v"]))
' "$VHD_UTIL" >"$out" || fail "a lock stops it"
expect_out '10\n'

# Without a batmap the marker is an attribute of the file.
cp a.vhd plain.vhd
chmod 600 plain.vhd
both plain.vhd 28 61707000
if python3 -c 'import os
os.setxattr("plain.vhd", "user.com.citrix.xenclient.backend.marker", b"\x81")
' 2>/dev/null; then
	run 0 vu query -n plain.vhd -m
	expect_out 'marker: -127\n'
	both plain.vhd 28 74617000
	run 0 vu query -n plain.vhd -m
	expect_out 'marker: 0\n'
else
	echo "no attributes on this file system: that part is left out"
fi
