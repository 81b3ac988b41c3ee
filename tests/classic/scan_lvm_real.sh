#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# scan -l with the vgs and lvs of LVM, over volumes that nobody activates: what
# they print is what they print, and the images are where LVM put them.
. "$(dirname "$0")/lib.sh"
requires pvcreate vgcreate lvcreate lvs vgs vgcfgbackup vgcfgrestore python3
private_dev "$@"

truncate -s 96M disk1 disk2
loop_add disk1
one=$loop
loop_add disk2
two=$loop

# Nothing but our two disks, no daemons, nothing written outside of here.
mkdir lvm
cat >lvm/lvm.conf <<C
devices {
	dir="/dev"
	use_devicesfile=0
	filter=["a|^$one\$|", "a|^$two\$|", "r|.*|"]
	cache_dir="$T/lvm"
}
activation {
	udev_sync=0
	udev_rules=0
	monitoring=0
}
backup {
	backup=0
	archive=0
}
global {
	locking_dir="$T/lvm"
	event_activation=0
}
C
LVM_SYSTEM_DIR=$T/lvm
LVM_SUPPRESS_FD_WARNINGS=1
export LVM_SYSTEM_DIR LVM_SUPPRESS_FD_WARNINGS
lvm_do() {
	timeout 60 "$@" >.lvm 2>&1 || {
		cat .lvm
		skip_host "$1 does not work on loop devices here"
	}
}
group=VG_vhd-$$
lvm_do pvcreate "$one" "$two"
lvm_do vgcreate -s 4M "$group" "$one" "$two"
new() {
	lvm_do lvcreate --driverloaded n -an -Zn -Wn -n "$@"
}
new VHD-1-a -L 12M "$group"
new VHD-2-b -L 8M "$group" "$two"
new VHD-3-c -L 8M "$group"
new VHD-stripes -i 2 -L 8M "$group"
new LV-raw -L 8M "$group" "$two"
# In two pieces, the first of them on the first disk, the other on the second.
new VHD-parts -L 4M "$group" "$one"
lvm_do lvextend --driverloaded n -L 8M "$group/VHD-parts" "$two"

# Where things are: LVM knows it in another way too.
place() { # NAME: disk and offset
	timeout 60 lvs --noheadings --nosuffix --units b \
		-o seg_pe_ranges,vg_extent_size "$group/$1" 2>/dev/null >.place
	read -r range size <.place
	first=${range#*:}
	echo "${range%%:*} $(((1 << 20) + ${first%-*} * size))"
}
store() { # IMAGE NAME LEN
	at=$(place "$2")
	python3 - "$1" "${at% *}" "${at#* }" "$3" <<'P'
import sys
data = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "r+b") as f:
    f.seek(int(sys.argv[3]))
    f.write(data[:-512])
    f.seek(int(sys.argv[3]) + int(sys.argv[4]) - 512)
    f.write(data[-512:])
P
}
pre=$(echo "$group-" | sed 's/-/--/g; s/--$/-/')
vu create -n "${pre}VHD--1--a" -s 64 -S 1024
vu set -n "${pre}VHD--1--a" -f hidden -v 1
vu snapshot -n "${pre}VHD--2--b" -p "${pre}VHD--1--a" -e
vu snapshot -n "${pre}VHD--3--c" -p "${pre}VHD--2--b" -e
truncate -s 8M "${pre}LV--raw"
vu snapshot -n "${pre}VHD--parts" -p "${pre}LV--raw" -m
store "${pre}VHD--1--a" VHD-1-a $((12 << 20))
store "${pre}VHD--2--b" VHD-2-b $((8 << 20))
store "${pre}VHD--3--c" VHD-3-c $((8 << 20))
store "${pre}VHD--parts" VHD-parts $((4 << 20))

a="vhd=VHD-1-a capacity=67108864 size=12582912 hidden=1 parent=none"
b="vhd=VHD-2-b capacity=67108864 size=8388608 hidden=0 parent=VHD-1-a"
c="vhd=VHD-3-c capacity=67108864 size=8388608 hidden=0 parent=VHD-2-b"
parts="vhd=VHD-parts capacity=8388608 size=8388608 hidden=0 parent=LV-raw"
raw="vhd=LV-raw capacity=8388608 size=8388608 hidden=1 parent=none"
stripes="vhd=VHD-stripes scan-error=-38 error-message='failure scanning target'"
for how in -f -c; do
	run 0 vu scan $how -l "$group" -m 'VHD-[1-3]*'
	sort "$out" >.s && cp .s "$out"
	expect_out "$a\n$b\n$c\n"
done
run 0 vu scan -f -c -a -l "$group" -m 'VHD-*'
for line in "$a" "$b" "$c" "$parts" "$raw" "$stripes"; do
	expect_line "$line"
done
same "$(wc -l <"$out")" 6
run 0 vu scan -f -l "$group" -m VHD-2-b
expect_out "$b\n"
run 0 vu scan -p -a -l "$group" -m VHD-3-c
expect_out "$a\n   $b\n      $c\n"
run 22 vu scan -f -l "$group-none" -m '*'
grep -qxF 'lvm_scan_vg failed -22' "$err" || fail "no message"
expect_out ''

# What cannot be made without device-mapper can be written down: pools, mirrors
# and caches beside ours, and a disk that is missing.
lvm_do vgcfgbackup -f meta "$group"
python3 - meta <<'P'
import re, sys
text = open(sys.argv[1]).read()
ident = iter(range(1000))
def lv(name, segment, hidden=False):
    n = "%06d" % next(ident)
    return """
\t\t%s {
\t\t\tid = "%s-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa"
\t\t\tstatus = ["READ", "WRITE"%s]
\t\t\tsegment_count = 1
\t\t\tsegment1 {
\t\t\t\tstart_extent = 0
\t\t\t\textent_count = 1
%s
\t\t\t}
\t\t}
""" % (name, n, "" if hidden else ', "VISIBLE"', segment)
def linear(extent):
    return 'type = "striped"\nstripe_count = 1\nstripes = ["pv1", %d]' % extent
more = lv("m_0", linear(10), True) + lv("m_1", linear(11), True)
more += lv("AA-mirror", 'type = "mirror"\nmirror_count = 2\n'
           'region_size = 1024\n'
           'mirrors = ["m_0", 0, "m_1", 0]')
more += lv("t_tdata", linear(12), True) + lv("t_tmeta", linear(13), True)
more += lv("AA-pool", 'type = "thin-pool"\nmetadata = "t_tmeta"\n'
           'pool = "t_tdata"\ntransaction_id = 1\nchunk_size = 128\n'
           'discards = "passdown"\nzero_new_blocks = 1')
more += lv("VHD-thin", 'type = "thin"\nthin_pool = "AA-pool"\n'
           'transaction_id = 0\ndevice_id = 1')
more += lv("c_cdata", linear(14), True) + lv("c_cmeta", linear(15), True)
more += lv("AA-cache", 'type = "cache-pool"\ndata = "c_cdata"\n'
           'metadata = "c_cmeta"\nchunk_size = 128\nmetadata_format = 2\n'
           'cache_mode = "writethrough"\npolicy = "smq"')
at = text.index("logical_volumes {") + len("logical_volumes {")
open(sys.argv[1], "w").write(text[:at] + more + text[at:])
P
if timeout 60 vgcfgrestore --driverloaded n --force -f meta "$group" \
	>.lvm 2>&1; then
	timeout 60 lvs --noheadings -o lv_name,segtype,devices "$group"
	run 0 vu scan -f -c -l "$group" -m '*-*'
	for name in AA-mirror AA-pool AA-cache VHD-thin VHD-stripes; do
		expect_line "vhd=$name scan-error=-38 error-message='failure scanning target'"
	done
	for line in "$a" "$b" "$c" "$parts"; do
		expect_line "$line"
	done
else
	cat .lvm
	echo "SKIP(host) of a part: LVM does not take volumes of other types"
fi
loop_del "$one"
run 0 vu scan -f -c -l "$group" -m 'VHD-*'
expect_line "$b"
expect_line "vhd=VHD-1-a scan-error=-2 error-message='opening device'"
