#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# scan -l, with programs in the place of vgs and lvs that say what a test needs;
# the disks below are files.
. "$(dirname "$0")/lib.sh"
requires python3

# vgs and lvs note how they were called, and print a file.
mkdir bin
for tool in vgs lvs; do
	cat >bin/$tool <<-S
		#!/bin/sh
		printf '%s\n' "\$*" >>'$T/calls'
		[ "\$1" = VG_x-1 ] || { echo "  no such group" >&2; exit 5; }
		cat '$T/$tool.rows'
	S
	chmod +x bin/$tool
done
real_path=$PATH
PATH=$T/bin:$PATH

# Images as they are named where volumes are active.
pre=VG_x--1-VHD--
vu create -n ${pre}base -s 16
vu set -n ${pre}base -f hidden -v 1
vu snapshot -n ${pre}mid--a -p ${pre}base -e
vu snapshot -n ${pre}leaf -p ${pre}mid--a -e
truncate -s 4M VG_x--1-LV--raw
vu snapshot -n ${pre}onraw -p VG_x--1-LV--raw -m
vu create -n ${pre}fixed -s 4 -r
vu create -n plain -s 2
vu snapshot -n child -p plain -e

# put IMAGE DISK EXTENT LEN: 4 MiB each from 1 MiB on; the footer comes last.
ext=$((4 << 20))
start=$((1 << 20))
put() {
	python3 - "$1" "$2" $((start + $3 * ext)) "$4" <<'P'
import sys
name, disk, off, length = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = open(name, "rb").read()
with open(disk, "r+b") as f:
    f.seek(off)
    f.write(data[:-512])
    f.seek(off + length - 512)
    f.write(data[-512:])
P
}
truncate -s 101M d1 d2
put ${pre}base d1 2 $((2 * ext))
put ${pre}mid--a d2 0 $ext
put ${pre}leaf d1 0 $ext
put ${pre}onraw d1 1 $ext
put ${pre}fixed d2 2 $((2 * ext))
put plain d2 4 $ext
put child d2 5 $ext
cat >vgs.rows <<E2
  VG_x-1 $ext   9   2 $T/d1 $start
  VG_x-1 $ext   9   2 $T/d2 $start
E2
row() { # NAME LEN TYPE COUNT START SEGLEN DEVICES
	printf '  %s %s %s    %s     %s %s %s\n' "$@"
}
{
	row VHD-leaf $ext linear 1 0 $ext "$T/d1(0)"
	row VHD-mid-a $ext linear 1 0 $ext "$T/d2(0)"
	row VHD-onraw $ext linear 1 0 $ext "$T/d1(1)"
	row VHD-base $((2 * ext)) linear 1 0 $((2 * ext)) "$T/d1(2)"
	row LV-raw $ext linear 1 0 $ext "$T/d1(9)"
} >lvs.rows
base="vhd=VHD-base capacity=16777216 size=$((2 * ext)) hidden=1 parent=none"
mid="vhd=VHD-mid-a capacity=16777216 size=$ext hidden=0 parent=VHD-base"
leaf="vhd=VHD-leaf capacity=16777216 size=$ext hidden=0 parent=VHD-mid-a"
onraw="vhd=VHD-onraw capacity=4194304 size=$ext hidden=0 parent=LV-raw"
raw="vhd=LV-raw capacity=$ext size=$ext hidden=1 parent=none"

# Both are asked once, in these words.
run 0 vu scan -f -l VG_x-1 -m 'VHD-*'
expect_out "$leaf\n$mid\n$onraw\n$base\n"
expect_err ''
cat >want <<'E2'
VG_x-1 --noheadings --nosuffix --units=b --options=vg_name,vg_extent_size,lv_count,pv_count,pv_name,pe_start --unbuffered
VG_x-1 --noheadings --nosuffix --units=b --options=lv_name,lv_size,segtype,seg_count,seg_start,seg_size,devices --unbuffered
E2
same_file calls want

# Patterns, operands, all; with the footers at the end as well.
for how in -f -c; do
	run 0 vu scan $how -l VG_x-1 -m VHD-mid-a
	expect_out "$mid\n"
	run 0 vu scan $how -l VG_x-1 -m 'VHD-@(leaf|base)'
	expect_out "$leaf\n$base\n"
	run 0 vu scan $how -l VG_x-1 -m '+([VHD-])?(leaf|onraw)'
	expect_out "$leaf\n$onraw\n"
	run 0 vu scan $how -l VG_x-1 VHD-base VHD-leaf
	expect_out "$base\n$leaf\n"
	run 0 vu scan $how -l VG_x-1 VHD-base 'VHD-@(mid*|leaf)'
	expect_out "$base\n$leaf\n$mid\n"
	run 0 vu scan $how -l VG_x-1 'none*'
	expect_silent
	run 0 vu scan $how -l VG_x-1 -m 'none*'
	expect_silent
	run 0 vu scan $how -l VG_x-1 -m VHD-none
	expect_silent
done
run 2 vu scan -f -l VG_x-1 VHD-none
expect_out "vhd=VHD-none scan-error=-2 error-message='failure scanning target'\n"
run 22 vu scan -f -l VG_x-1
expect_line "vhd=LV-raw scan-error=-22 error-message='invalid footer'"
run 0 vu scan -f -v -l VG_x-1 -m VHD-leaf
expect_out "$leaf\n"

# Parents: each once, raw ones too, whatever their order.
for how in -a -fa; do
	run 0 vu scan $how -l VG_x-1 -m VHD-leaf
	expect_out "$leaf\n$mid\n$base\n"
	run 0 vu scan $how -l VG_x-1 -m 'VHD-*'
	expect_out "$leaf\n$mid\n$onraw\n$base\n$raw\n"
done
run 0 vu scan -p -a -l VG_x-1 -m 'VHD-*'
expect_out "$raw\n   $onraw\n$base\n   $mid\n      $leaf\n"
run 0 vu scan -p -l VG_x-1 -m VHD-leaf
expect_out "$leaf (not found in scan)\n"
grep -v VHD-base lvs.rows >less && cp lvs.rows all && mv less lvs.rows
run 0 vu scan -f -a -l VG_x-1 -m VHD-leaf
expect_out "$leaf\n$mid\nvhd=VHD-base scan-error=-2 error-message='failure scanning target'\n"
cp all lvs.rows

# -M reads behind the table.
run 0 vu scan -f -M -l VG_x-1 -m VHD-base
expect_out "vhd=VHD-base capacity=16777216 size=$((2 * ext)) hidden=1 marker=0 keyhash= parent=none\n"

# A name that nobody has escaped is one as it is; so is one without a dash.
{
	cat all
	row child $ext linear 1 0 $ext "$T/d2(5)"
	row plain $ext linear 1 0 $ext "$T/d2(4)"
} >lvs.rows
run 0 vu scan -f -l VG_x-1 -m child -a
expect_out "vhd=child capacity=2097152 size=$ext hidden=0 parent=plain
vhd=plain capacity=2097152 size=$ext hidden=0 parent=none\n"

# Other kinds of volumes: in front, between, behind; pieces in any order.
enosys() { echo "vhd=$1 scan-error=-38 error-message='failure scanning target'"; }
{
	row cachepool 8388608 cache-pool 1 0 8388608 'cachepool_cdata(0)'
	row pool 8388608 thin-pool 1 0 8388608 'pool_tdata(0)'
	row VHD-thin 12582912 thin 1 0 12582912 ''
	row VHD-mirror $ext mirror 1 0 $ext 'm_mimage_0(0),m_mimage_1(0)'
	row VHD-cached $ext cache 1 0 $ext 'c_corig(0)'
	row VHD-parts $((2 * ext)) linear 2 $ext $ext "$T/d2(7)"
	row VHD-leaf $ext linear 1 0 $ext "$T/d1(0)"
	row VHD-stripe $ext striped 1 0 $ext "$T/d1(20),$T/d2(20)"
	row VHD-mid-a $ext linear 1 0 $ext "$T/d2(0)"
	row VHD-parts $((2 * ext)) linear 2 0 $ext "$T/d1(1)"
	row VHD-mixed $((2 * ext)) striped 2 0 $ext "$T/d1(21),$T/d2(21)"
	row VHD-mixed $((2 * ext)) linear 2 $ext $ext "$T/d1(22)"
	row VHD-lost $ext linear 1 0 $ext 'unknown device(0)'
	row VHD-far $ext linear 1 0 $ext "$T/d1(18446744073709551615)"
	row VHD-odd $ext linear 1 0 $ext "$T/d1"
	echo '  VHD-short 4194304'
	echo
	echo '  WARNING: something is said here (0)'
} >lvs.rows
run 0 vu scan -f -c -l VG_x-1 -m 'VHD-*'
expect_out "$(enosys VHD-thin)
$(enosys VHD-mirror)
$(enosys VHD-cached)
vhd=VHD-parts capacity=4194304 size=$((2 * ext)) hidden=0 parent=LV-raw
$leaf
$(enosys VHD-stripe)
$mid
$(enosys VHD-mixed)
$(enosys VHD-lost)
$(enosys VHD-far)
$(enosys VHD-odd)
$(enosys VHD-short)\n"
run 0 vu scan -f -l VG_x-1 -m 'VHD-@(leaf|mid-a)'
expect_out "$leaf\n$mid\n"
run 38 vu scan -f -l VG_x-1 -m 'VHD-[lt]*'
expect_out "$(enosys VHD-thin)\n"

# The end of the first piece is not the end of the volume, whatever is there.
{
	row VHD-cut $((9 * ext)) linear 2 0 $ext "$T/d1(0)"
	row VHD-cut $((9 * ext)) linear 2 $ext $((8 * ext)) "$T/d2(9)"
} >lvs.rows
python3 - d1 $((start + ext - 512)) <<'P'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    b = bytearray(f.read(512))
    b[85] = 77
    b[64:68] = bytes(4)
    b[64:68] = (~sum(b) & 0xffffffff).to_bytes(4, "big")
    f.seek(int(sys.argv[2]))
    f.write(b)
P
run 0 vu scan -l VG_x-1 -m VHD-cut
expect_out "vhd=VHD-cut capacity=16777216 size=$((9 * ext)) hidden=0 parent=VHD-mid-a\n"

# Fixed disks have no front; headers, sizes and disks may be bad.
{
	row fixed $((2 * ext)) linear 1 0 $((2 * ext)) "$T/d2(2)"
	row small 512 linear 1 0 512 "$T/d1(0)"
	row behind $ext linear 1 0 $ext "$T/d1(99)"
	row nothing $ext linear 1 0 $ext "$T/d1(15)"
	row header $ext linear 1 0 $ext "$T/d2(4)"
	row gone $ext linear 1 0 $ext "$T/d9(0)"
	row missing $ext linear 1 0 $ext '[unknown](0)'
} >lvs.rows
for disk in "$T/d9" '[unknown]'; do
	echo "  VG_x-1 $ext   9   4 $disk $start"
done >>vgs.rows
ln -s d1 '[unknown]'
poke d2 $((start + 4 * ext + 512)) 00
run 0 vu scan -f -c -l VG_x-1
expect_out "vhd=fixed scan-error=-22 error-message='invalid footer'
vhd=small scan-error=-22 error-message='device too small'
vhd=behind scan-error=-22 error-message='device too small'
vhd=nothing scan-error=-22 error-message='invalid footer'
vhd=header scan-error=-22 error-message='reading header'
vhd=gone scan-error=-2 error-message='opening device'
vhd=missing scan-error=-2 error-message='opening device'\n"
run 0 vu scan -l VG_x-1 fixed
expect_out "vhd=fixed capacity=4194304 size=$((2 * ext)) hidden=0 parent=none\n"

# An empty group has nothing; one that is not there is an error.
: >lvs.rows
run 0 vu scan -f -l VG_x-1
expect_silent
run 22 vu scan -f -l nope -m '*'
expect_out ''
expect_line_err() {
	grep -qxF -e "$1" "$err" || fail "no message: $1"
}
expect_line_err 'lvm_scan_vg failed -22'
for name in '' --all; do
	run 22 vu scan -f -c -l "$name"
	expect_out ''
	expect_err 'lvm_scan_vg failed -22\n'
done
: >vgs.rows
run 22 vu scan -l VG_x-1
expect_line_err 'lvm_scan_vg failed -22'
rm bin/vgs
PATH=$T/bin
status=0
"$VHD_UTIL" scan -f -l VG_x-1 >.out 2>.err || status=$?
PATH=$real_path
same "$status" 2 "without vgs, the status is"
expect_err 'lvm_scan_vg failed -2\n'
