#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# check: what it prints and returns, the chain below an image, loops, statistics,
# and files that are none.  The sentences for single faults: check_faults.py.
. "$(dirname "$0")/lib.sh"

# Two names for one state of affairs: the footer at the end is gone.
lose_footer() { poke "$1" $(($(bytes_of "$1") - 512)) "$(hex /dev/zero 0 512)"; }

vu create --for xen --size 16M base.vhd
pattern base.vhd 0 8 base
pattern base.vhd 8192 4196 base
mkdir sub
vu create --for xen --parent base.vhd mid.vhd
pattern mid.vhd 16 8 mid
vu create --for xen --parent mid.vhd leaf.vhd
pattern leaf.vhd 0 16 leaf
vu create --size 4M --type fixed fixed.vhd
real=$(pwd -P)

# Sound images.
run 0 vu check -n base.vhd
expect_out 'base.vhd is valid\n'
expect_err ''
run 0 vu check --debug -n ./leaf.vhd
expect_out './leaf.vhd is valid\n'
run 0 vu check -nleaf.vhd --debug -itI --debug
expect_out 'leaf.vhd is valid\n'
run 0 vu check -Bn leaf.vhd
expect_out 'leaf.vhd is valid\n'
run 0 vu check -bn leaf.vhd
expect_out 'leaf.vhd is valid\n'
run 0 vu check -n fixed.vhd
expect_out 'fixed.vhd is valid\n'
run 0 vu check -spn fixed.vhd
expect_out 'fixed.vhd: secs allocated: 0x2000 secs written: 0x2000 (100.00%%)\n'

# The chain: parents by the names that they have everywhere.
run 0 vu check -n leaf.vhd -p
expect_out "leaf.vhd is valid\n$real/mid.vhd is valid\n$real/base.vhd is valid\n"
run 0 vu check -pn base.vhd
expect_out 'base.vhd is valid\n'
ln -s ../leaf.vhd sub/link.vhd
run 0 vu check -pn sub/link.vhd
expect_line "$real/base.vhd is valid"

# A raw parent is no image: it has to be there, and that is all.
head -c 8388608 /dev/zero >raw.img
vu create --for xen --raw-parent --parent raw.img onraw.vhd
run 0 vu check -pn onraw.vhd
expect_out 'onraw.vhd is valid\n'
mv raw.img away.img
run 2 vu check -pn onraw.vhd
expect_first 'error resolving ./raw.img: -2'
mv away.img raw.img

# Statistics, counted by another program.
runs() { python3 -B "$(dirname "$self")/bits.py" count "$1"; }
run 0 vu check -sn base.vhd
expect_out "$(printf 'base.vhd: secs allocated: 0x3000 secs written: 0x%x (%s%%%%)' \
	"$(runs base.vhd)" "$(python3 -c "print('%.2f' % ($(runs base.vhd) * 100 / 0x3000))")")\n"
same "$(runs leaf.vhd)" 16
run 0 vu check -sn "$PWD/leaf.vhd"
expect_out 'leaf.vhd: secs allocated: 0x1000 secs written: 0x10 (0.39%%)\n'
# With parents: from the bottom up, all by their last names.
run 0 vu check -spn sub/../leaf.vhd
shares() { # NAME ALLOCATED WRITTEN NOT-IN-PARENT NOT-IN-ANCESTORS
	python3 - "$@" <<-'PY'
	import sys
	name, total, own, up, all_up = sys.argv[1:]
	total, own, up, all_up = (int(x) for x in (total, own, up, all_up))
	print(f"{name}: secs allocated: 0x{total:x} "
	      f"secs written: 0x{own:x} ({own * 100 / total:.2f}%) "
	      f"secs not in parent: 0x{up:x} ({up * 100 / own:.2f}%) "
	      f"secs not in ancestors: 0x{all_up:x} ({all_up * 100 / own:.2f}%)")
	PY
}
same "$(wc -l <"$out")" 3
expect_first "$(printf 'base.vhd: secs allocated: 0x3000 secs written: 0x%x (%s%%)' \
	"$(runs base.vhd)" "$(python3 -c "print('%.2f' % ($(runs base.vhd) * 100 / 0x3000))")")"
same "$(sed -n 2p "$out")" "$(shares mid.vhd 4096 8 0 0)"
same "$(sed -n 3p "$out")" "$(shares leaf.vhd 4096 16 16 0)"
vu create --for xen --size 16M empty.vhd
run 0 vu check -sn empty.vhd
expect_out 'empty.vhd: secs allocated: 0x0 secs written: 0x0 (0.00%%)\n'

# The footer at the end is lost: nothing else but check minds.
cp leaf.vhd lost.vhd
lose_footer lost.vhd
run 22 vu check -n lost.vhd
expect_first 'primary footer invalid: invalid cookie'
expect_err ''
same "$(sed -n 2p "$out")" 'lost.vhd appears invalid; dumping metadata'
expect_line 'Cookie              : cxsparse'
grep -q '^       decoded name : ./mid.vhd$' "$out" || fail "no locators"
run 0 vu check -in lost.vhd
expect_out 'lost.vhd is valid\n'
run 0 vu check -ipn lost.vhd
expect_line "$real/mid.vhd is valid"

# A parent that is broken, another one, or gone.
cp base.vhd keep.vhd
lose_footer base.vhd
run 22 vu check -pn leaf.vhd
same "$(sed -n 1,4p "$out")" "leaf.vhd is valid
$real/mid.vhd is valid
primary footer invalid: invalid cookie
$real/base.vhd appears invalid; dumping metadata"
same "$(tail -n 1 "$out")" 'error checking parents: -22'
run 0 vu check -n leaf.vhd
run 0 vu check -ipn leaf.vhd
vu create --for xen --size 16M --force --orphan base.vhd
run 22 vu check -n mid.vhd
expect_first "invalid parent $real/base.vhd: invalid parent uuid"
run 0 vu check -In mid.vhd
head -c 16777216 /dev/zero >base.vhd
run 22 vu check -In mid.vhd
grep -q "^invalid parent $real/base.vhd: " "$out" || fail "no word on the parent"
rm base.vhd
run 2 vu check -n mid.vhd
expect_first 'error resolving ./base.vhd: -2'
same "$(sed -n 2p "$out")" 'mid.vhd appears invalid; dumping metadata'
run 0 vu check -n leaf.vhd
run 2 vu check -pn leaf.vhd
expect_first 'leaf.vhd is valid'
same "$(tail -n 1 "$out")" 'error checking parents: -2'
mv keep.vhd base.vhd

# Chains without an end (a defect of the original: it never came back).
relink() {	# IMAGE ID-OF NAME: as a program would that asks nothing
	python3 - "$@" <<-'PY'
	import sys
	image, of, name = sys.argv[1:]
	ident = open(of, "rb").read()[68:84]
	with open(image, "r+b") as f:
	    data = bytearray(f.read())
	    texts = (b"file://./" + name.encode(),
	             (".\\" + name).encode("utf-16-le"),
	             (".\\" + name).encode("utf-16-le"))
	    data[512 + 40:512 + 56] = ident
	    data[512 + 64:512 + 576] = name.encode("utf-16-be").ljust(512, b"\0")
	    for slot, text in enumerate(texts):
	        at = 512 + 576 + 24 * slot
	        off = int.from_bytes(data[at + 16:at + 24], "big")
	        data[off:off + 512] = text.ljust(512, b"\0")
	        data[at + 8:at + 12] = len(text).to_bytes(4, "big")
	    data[512 + 36:512 + 40] = bytes(4)
	    total = ~sum(data[512:1536]) & 0xffffffff
	    data[512 + 36:512 + 40] = total.to_bytes(4, "big")
	    f.seek(0)
	    f.write(data)
	PY
}
cp mid.vhd self.vhd
relink self.vhd self.vhd self.vhd
run 22 timeout 120 "$VHD_UTIL" check -n self.vhd
expect_first "invalid parent $real/self.vhd: the image itself"
run 22 timeout 120 "$VHD_UTIL" check -pn self.vhd
grep -q '^invalid parent ' "$out" || fail "no word on the parent"
same "$(tail -n 1 "$out")" 'error checking parents: -22'
run 22 timeout 120 "$VHD_UTIL" query -dn self.vhd
cp mid.vhd one.vhd
cp leaf.vhd two.vhd
relink one.vhd two.vhd two.vhd
relink two.vhd one.vhd one.vhd
run 0 timeout 120 "$VHD_UTIL" check -n one.vhd
run 22 timeout 120 "$VHD_UTIL" check -pn one.vhd
grep -q '^invalid parent ' "$out" || fail "no word on the parent"
same "$(tail -n 1 "$out")" 'error checking parents: -22'
run 22 timeout 120 "$VHD_UTIL" query -dn one.vhd

# A name in other letters, or in another folder, is another name.
cp mid.vhd sub/mid.vhd
run 2 vu check -n sub/mid.vhd
expect_first 'error resolving ./base.vhd: -2'
run 2 vu query -pn sub/mid.vhd

# Files that are no images.
run 2 vu check -n nope.vhd
expect_out 'cannot stat nope.vhd: 2\n'
run 22 vu check -n sub
expect_out 'sub is not a regular file or block device\n'
run 22 vu check -n /dev/null
expect_out '/dev/null is not a regular file or block device\n'
: >none.vhd
run 22 vu check -n none.vhd
expect_first 'error reading primary footer: -22'
head -c 510 /dev/zero >few.vhd
run 22 vu check -in few.vhd
expect_first 'error reading primary footer: -22'
head -c 100000 /dev/urandom >noise.vhd
run 22 vu check -n noise.vhd
expect_first 'primary footer invalid: invalid cookie'
LC_ALL=C grep -q '[^ -~]' "$out" && fail "unprintable bytes are printed"

# Whatever is left of an image, 5 and 32 would make clients try again.
for cut in 0 1 511 512 600 1000 1536 2047 2048 3000 4096 5000 100000 2103000; do
	head -c "$cut" base.vhd >cut.vhd
	run 22 vu check -n cut.vhd
	for verb in 'check -in' 'query -vsafdSn' 'read -pn' 'scan -f'; do
		status=0
		# shellcheck disable=SC2086
		vu $verb cut.vhd >"$out" 2>"$err" || status=$?
		case $status in
		0 | 22) ;;
		*) fail "$verb after $cut bytes: status $status" ;;
		esac
	done
done

# The 511-byte footers of old, of which no reader may lose the last block.
head -c $(($(bytes_of base.vhd) - 1)) base.vhd >old.vhd
run 0 vu check -n old.vhd
expect_out 'old.vhd is valid\n'
same "$(digest old.vhd)" "$(digest base.vhd)"
run 0 vu query -vn old.vhd
expect_out '16\n'

# Wrong use.
for line in '' '-n' '-n base.vhd leaf.vhd' 'leaf.vhd' '-Z -n base.vhd' \
	'-Bbn base.vhd' '-Bsn base.vhd' '-p'; do
	# shellcheck disable=SC2086
	run 22 vu check --debug $line
	[ -s "$out" ] || fail "no usage"
done
run 0 vu check --debug -h
expect_err ''
