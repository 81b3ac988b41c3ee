#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What lint says of QEMU is what QEMU does (qemu-img up to 9.2), and what its
# commands make suits it.
. "$(dirname "$0")/functions.sh"

requires qemu-img python3
version=$(qemu-img --version | sed -n 's/^qemu-img version \([0-9]*\).*/\1/p')
[ "$version" -lt 10 ] || skip "QEMU 10 goes by the size of a VHD"
PATH=$(dirname "$VHD_UTIL"):$PATH

# says TEXT IMAGE: lint raises it; the command below it is in $command.
says() {
	got=0
	vu lint --for qemu --json "$2" >"$out" 2>"$err" || got=$?
	[ "$got" -eq 0 ] || [ "$got" -eq 3 ] || fail "lint ended with $got"
	command=$(json "$out" "[a['command'] for a in d['files'][0]['advice']
		if '''$1''' in a['message']][0]")
}

# size OPTIONS...: of the disk, as QEMU sees it.
size() {
	qemu-img info --output json "$@" >info.json 2>qemu.err ||
		fail "qemu-img info $*: $(cat qemu.err)"
	json info.json 'd["virtual-size"]'
}

refuses() {
	! qemu-img info "$@" >qemu.out 2>&1 || fail "QEMU opens $*"
}

# suits IMAGE: QEMU recognises it, reads it and finds no fault.
suits() {
	run 0 vu lint --for qemu "$1"
	timeout 60 qemu-img check -q "$1" || fail "qemu-img check $1"
	rm -f theirs ours
	timeout 60 qemu-img convert -O raw "$1" theirs
	run 0 vu convert --no-sync --format raw "$1" ours
	same theirs ours
}

obey() {
	sh -c "$command" >"$out" 2>"$err" || fail "$command"
}

M=1048576
noise $((3 * M)) >data

# VHD-S-8: the parent's bytes are zeros to QEMU, without a word.
run 0 vu create --size 64M base.vhd
run 0 vu write base.vhd data
run 0 vu create --parent base.vhd child.vhd
timeout 60 qemu-img convert -f vpc -O raw child.vhd theirs
[ "$(tr -d '\0' <theirs | wc -c)" -eq 0 ] || fail "QEMU reads the parent"
says "without its parent" child.vhd
obey
suits child-qemu.vhdx

# VHDX: refused aloud.
run 0 vu create --size 64M base.vhdx
run 0 vu write base.vhdx data
run 0 vu create --parent base.vhdx child.vhdx
refuses child.vhdx
says "no differencing VHDX" child.vhdx
rm child-qemu.vhdx
obey
suits child-qemu.vhdx

# VHD-Q-7: the footer is the last sector of a raw disk.
run 0 vu create --type fixed --size 8M fixed.vhd
[ "$(size fixed.vhd)" -eq $((8 * M + 512)) ] || fail "QEMU sees a fixed VHD"
[ "$(size -f vpc fixed.vhd)" -eq $((8 * M)) ] || fail "-f vpc does not help"
says "-f vpc" fixed.vhd
obey
suits fixed-qemu.vhdx

# VHD-F-51
run 0 vu create --type fixed --size 8M like.vhd
printf conectix >cookie
run 0 vu write like.vhd cookie
refuses -f vpc like.vhd
says "begins like a footer" like.vhd
obey
suits like-qemu.vhdx

# Geometry: VHD-C-11, VHD-C-14.
footer() {
	python3 - "$@" <<'PY'
import sys
path, app, cylinders = sys.argv[1:]
with open(path, "r+b") as f:
    f.seek(-512, 2)
    raw = bytearray(f.read())
    raw[28:32] = app.encode()
    if int(cylinders):
        raw[56:58] = int(cylinders).to_bytes(2, "big")
    raw[64:68] = bytes(4)
    raw[64:68] = (~sum(raw) % (1 << 32)).to_bytes(4, "big")
    f.seek(-512, 2)
    f.write(raw)
    if raw[60:64] != b"\0\0\0\2":
        f.seek(0)
        f.write(raw)
PY
}
run 0 vu create --size 64M cut.vhd
footer cut.vhd vbox 0
[ "$(size cut.vhd)" -lt $((64 * M)) ] || fail "QEMU shows all of the disk"
says "leaves out the end" cut.vhd
if vu repair --help >"$out" 2>&1; then
	obey
	[ "$(size cut.vhd)" -eq $((64 * M)) ] || fail "it still does"
fi
run 0 vu create --size 64M wide.vhd
footer wide.vhd "xo  " 970
refuses wide.vhd
says "larger than the disk" wide.vhd
obey
suits wide-qemu.vhdx
run 0 vu create --type fixed --size 64M over.vhd
footer over.vhd qemu 964
[ "$(size -f vpc over.vhd)" -gt $((64 * M)) ] || fail "the footer is not shown"
says "larger than the disk" over.vhd

# VHD-Q-1
run 0 vu create --size 64M front.vhd
head -c 512 /dev/zero | patch front.vhd 0
refuses -f vpc front.vhd
says "copy of the footer" front.vhd

# VHD-Q-6: QEMU writes over the batmap.
run 0 vu create --for xen --size 64M xen.vhd
says "Xen's batmap" xen.vhd
requires qemu-io
grep -q tdbatmap xen.vhd || fail "there is no batmap"
timeout 60 qemu-io -f vpc -c "write -P 7 0 1M" xen.vhd >"$out"
! grep -q tdbatmap xen.vhd || fail "the batmap is still there"

# Sectors of 4096 bytes.
run 0 vu create --logical-sector 4096 --size 64M large.vhdx
refuses large.vhdx
says "sectors of 4096" large.vhdx
obey
suits large-qemu.vhdx

# The first region table only.
run 0 vu create --for qemu --size 64M table.vhdx
suits table.vhdx
printf x | patch table.vhdx $((192 * 1024 + 100))
refuses table.vhdx
says "first region table" table.vhdx
