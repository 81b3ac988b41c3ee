#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# scan over files: what lines say and in which order, what ends a scan and what
# does not, patterns, parents, trees.
. "$(dirname "$0")/lib.sh"
requires python3

missing() {
	expect_out "vhd=$1 scan-error=-2 error-message='failure scanning target'\n"
}
sorted() {
	LC_ALL=C sort "$out" >.sorted
	mv .sorted "$out"
}

# A chain of three, a fixed disk, a child of a raw disk, and no image.
mkdir sr
cd sr || exit
vu create -n base.vhd -s 16
pattern base.vhd 4096 8 base
vu set -n base.vhd -f hidden -v 1
vu snapshot -n s1.vhd -p base.vhd
pattern s1.vhd 10000 8 s1
vu set -n s1.vhd -f hidden -v 1
vu snapshot -n s2.vhd -p s1.vhd
truncate -s 8M raw.raw
vu snapshot -n onraw.vhd -p raw.raw -m
vu create -n fixed.vhd -s 4 -r
head -c 4096 /dev/urandom >junk.vhd
: >empty.vhd
size() { stat -c %s "$1"; }
line() { # NAME CAPACITY HIDDEN PARENT
	echo "vhd=$1 capacity=$2 size=$(size "$1") hidden=$3 parent=$4"
}
base=$(line base.vhd 16777216 1 none)
s1=$(line s1.vhd 16777216 1 base.vhd)
s2=$(line s2.vhd 16777216 0 s1.vhd)
onraw=$(line onraw.vhd 8388608 0 raw.raw)
raw=$(line raw.raw 8388608 1 none)
fixed=$(line fixed.vhd 4194304 0 none)
opening() { echo "vhd=$1 scan-error=-22 error-message='opening file'"; }

# Order, items, sizes: of the file, not of what is used in it.
run 0 vu scan base.vhd s1.vhd s2.vhd onraw.vhd fixed.vhd
expect_out "$base\n$s1\n$s2\n$onraw\n$fixed\n"
run 0 vu scan --debug s2.vhd base.vhd
expect_out "$s2\n$base\n"
run 0 vu scan -f s2.vhd s1.vhd
expect_out "$s2\n$s1\n"
cp s2.vhd grown.vhd
truncate -s +1M grown.vhd
run 0 vu scan -f grown.vhd
expect_out "$(line grown.vhd 16777216 0 s1.vhd)\n"
rm grown.vhd

# Patterns: sorted, or as the folder has them; braces; nothing; a literal.
run 0 vu scan -m '[bs]*.vhd'
expect_out "$base\n$s1\n$s2\n"
run 0 vu scan -f -m '[bs]*.vhd'
sorted
expect_out "$base\n$s1\n$s2\n"
run 0 vu scan -fcm '{s1,s2,none,s?}.vhd'
sorted
expect_out "$s1\n$s2\n"
run 0 vu scan -f -m "$PWD/s1.vhd"
expect_out "$s1\n"
for what in '*.VHD' 'none*' '{p,a/b,q}.vhd' '{p,q}.vhd' '[x]'; do
	run 0 vu scan -f -m "$what"
	expect_silent
	run 0 vu scan -m "$what" -c
	expect_silent
done
run 2 vu scan -f -m nope.vhd
missing nope.vhd
expect_err 'scan failed: -2. Check syslog for details\n'
run 2 vu scan -f -c -m nope.vhd
missing nope.vhd
# A folder that is not there is not one without images.
for how in '' -c -f -fc -p -a; do
	# shellcheck disable=SC2086
	run 2 vu scan $how -m 'a/b/*.vhd'
	missing a/b
	expect_err 'scan failed: -2. Check syslog for details\n'
done
if as_nobody; then
	mkdir -m 0 closed
	# shellcheck disable=SC2086
	run 13 $as "$VHD_UTIL" scan -f -c -m 'closed/*.vhd'
	expect_first "vhd=closed scan-error=-13 error-message='failure scanning target'"
	rmdir closed
fi

# Defect 10: nothing but the error for what is not there.
run 0 vu scan -c "$PWD/nope.vhd" s2.vhd
expect_out "vhd=$PWD/nope.vhd scan-error=-2 error-message='failure scanning target'\n$s2\n"
run 2 vu scan nope.vhd
missing nope.vhd
expect_err 'scan failed: -2. Check syslog for details\n'
ln -s gone dangling.vhd
run 2 vu scan -f -m 'dang*'
missing dangling.vhd
rm dangling.vhd

# What is no image ends the scan, or not.  A fixed disk has nothing in front.
run 22 vu scan s2.vhd junk.vhd s1.vhd
expect_out "$s2\n$(opening junk.vhd)\n"
run 0 vu scan -c s2.vhd junk.vhd empty.vhd s1.vhd
expect_out "$s2\n$(opening junk.vhd)\n$(opening empty.vhd)\n$s1\n"
run 22 vu scan -f fixed.vhd
expect_out "$(opening fixed.vhd)\n"
run 0 vu scan -c -f fixed.vhd s1.vhd
expect_out "$(opening fixed.vhd)\n$s1\n"

# The copy of the footer is what -f reads; else it serves when the other is lost.
cp base.vhd lost.vhd
poke lost.vhd $(($(size lost.vhd) - 512)) 00000000
run 0 vu scan -f lost.vhd
expect_out "$(line lost.vhd 16777216 1 none)\n"
run 0 vu scan lost.vhd
expect_out "$(line lost.vhd 16777216 1 none)\n"
cp base.vhd copy.vhd
poke copy.vhd 0 00000000
run 22 vu scan -f copy.vhd
expect_out "$(opening copy.vhd)\n"
run 0 vu scan copy.vhd
expect_out "$(line copy.vhd 16777216 1 none)\n"
# Cut off in the middle: 22 and not 5, which clients would try again.
head -c 1024 base.vhd >cut.vhd
run 22 vu scan -f cut.vhd
expect_out "$(opening cut.vhd)\n"
# Both cookies say that somebody resizes it: it is listed.
cp base.vhd poison.vhd
python3 - poison.vhd <<'P'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-512, 2)
    for at in (f.tell(), 0):
        f.seek(at)
        b = bytearray(f.read(512))
        b[:8] = b"v_poison"
        b[64:68] = bytes(4)
        b[64:68] = (~sum(b) & 0xffffffff).to_bytes(4, "big")
        f.seek(at)
        f.write(b)
P
for how in -f -c; do
	run 0 vu scan $how poison.vhd
	expect_out "$(line poison.vhd 16777216 1 none)\n"
done
rm lost.vhd copy.vhd cut.vhd poison.vhd

# -v: names as given, and parents where they are; errors always so.
run 0 vu scan -v ./s2.vhd "$PWD/s1.vhd"
here=$(pwd -P)
expect_out "vhd=./s2.vhd capacity=16777216 size=$(size s2.vhd) hidden=0 parent=$here/s1.vhd
vhd=$PWD/s1.vhd capacity=16777216 size=$(size s1.vhd) hidden=1 parent=$here/base.vhd\n"
run 0 vu scan -v -f ./s2.vhd
expect_out "vhd=./s2.vhd capacity=16777216 size=$(size s2.vhd) hidden=0 parent=s1.vhd\n"
run 0 vu scan -c "$PWD/junk.vhd"
expect_out "$(opening "$PWD/junk.vhd")\n"
cd .. || exit
run 0 vu scan sr/s2.vhd
expect_out "$(cd sr && line s2.vhd 16777216 0 s1.vhd)\n"

# -a: the chain, each image once; -f looks beside the child, wherever we are.
chain="$s2\n$s1\n$base"
for how in -a -af; do
	run 0 vu scan $how sr/s2.vhd
	expect_out "$chain\n"
done
ln -s sr/s2.vhd link.vhd
run 0 vu scan -f -a link.vhd
expect_out "vhd=link.vhd capacity=16777216 size=$(size sr/s2.vhd) hidden=0 parent=s1.vhd\n$s1\n$base\n"
rm link.vhd
cd sr || exit
run 0 vu scan -f -a base.vhd s2.vhd "$PWD/s1.vhd"
expect_out "$base\n$s2\n$s1\n"
for how in -a -f\ -a; do
	# shellcheck disable=SC2086
	run 0 vu scan $how onraw.vhd
	expect_out "$onraw\n$raw\n"
done
# A parent that is gone is told of, and that is all.
mv base.vhd ../away
run 0 vu scan -f -a s2.vhd
expect_out "$s2\n$s1\nvhd=base.vhd scan-error=-2 error-message='failure scanning target'\n"
run 0 vu scan -a s2.vhd fixed.vhd
expect_line "vhd=$here/base.vhd scan-error=-2 error-message='failure scanning target'"
expect_line "$fixed"
# Without -a nobody looks for it: the name is what is stored.
run 0 vu scan s1.vhd
expect_out "$s1\n"
run 0 vu scan -v s1.vhd
expect_out "vhd=s1.vhd capacity=16777216 size=$(size s1.vhd) hidden=1 parent=./base.vhd\n"
mv ../away base.vhd

# -M, in front of the parent.
vu set -n base.vhd -f marker -v 200
run 0 vu scan -M base.vhd s1.vhd
expect_out "vhd=base.vhd capacity=16777216 size=$(size base.vhd) hidden=1 marker=200 keyhash= parent=none
vhd=s1.vhd capacity=16777216 size=$(size s1.vhd) hidden=1 marker=0 keyhash= parent=base.vhd\n"
run 0 vu scan -f -M base.vhd
expect_line "vhd=base.vhd capacity=16777216 size=$(size base.vhd) hidden=1 marker=200 keyhash= parent=none"
vu set -n base.vhd -f marker -v 0
vu create -n keyed.vhd -s 4
hash=$(printf '%064d' 7)
vu key -s -n keyed.vhd -H "$hash"
run 0 vu scan -M keyed.vhd
expect_line "vhd=keyed.vhd capacity=4194304 size=$(size keyed.vhd) hidden=0 marker=0 keyhash=$hash parent=none"
rm keyed.vhd

# -p: errors first, hidden roots, then the others by name.
run 0 vu scan -p -c junk.vhd onraw.vhd s2.vhd base.vhd fixed.vhd s1.vhd
expect_out "$(opening junk.vhd)
$base
   $s1
      $s2
$fixed
$onraw (not found in scan)\n"
run 0 vu scan -p -f -m '[bs]*.vhd'
expect_out "$base\n   $s1\n      $s2\n"
run 0 vu scan -p -a onraw.vhd s2.vhd
expect_out "$base\n   $s1\n      $s2\n$raw\n   $onraw\n"
# Children in use come first; names decide between others.
vu snapshot -n c.vhd -p base.vhd
vu snapshot -n b.vhd -p base.vhd
vu snapshot -n a.vhd -p base.vhd -e
vu set -n a.vhd -f hidden -v 1
run 0 vu scan -p s1.vhd c.vhd a.vhd b.vhd base.vhd
expect_out "$base
   $(line b.vhd 16777216 0 base.vhd)
   $(line c.vhd 16777216 0 base.vhd)
   $(line a.vhd 16777216 1 base.vhd)
   $s1\n"
rm a.vhd b.vhd c.vhd

# Clients split lines at blanks and items at "=".
cp base.vhd 'my base=1.vhd'
run 0 vu scan -f 'my base=1.vhd'
expect_out "vhd=my\\\\x20base\\\\x3d1.vhd capacity=16777216 size=$(size base.vhd) hidden=1 parent=none\n"
run 2 vu scan 'no such'
expect_out "vhd=no\\\\x20such scan-error=-2 error-message='failure scanning target'\n"
name=$(printf 'a\302\240\033b\377.vhd')
mv 'my base=1.vhd' "$name"
run 0 vu scan -f "$name"
expect_out "vhd=a\\\\u00a0\\\\x1bb\\\\xff.vhd capacity=16777216 size=$(size base.vhd) hidden=1 parent=none\n"
rm "$name"

# Use.
run 0 vu scan -h
grep -q '^usage: ' "$out" || fail "-h says nothing"
run 22 vu scan
run 22 vu scan -x base.vhd
grep -q "scan: invalid option -- 'x'" "$err" || fail "-x is not named"
run 22 vu scan -m
