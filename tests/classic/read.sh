#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# read: summaries, places, bits and bytes of an image.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

reseal() {
	python3 -c 'import sys
off, at, size = (int(x) for x in sys.argv[2:])
with open(sys.argv[1], "r+b") as f:
    f.seek(off)
    raw = bytearray(f.read(size))
    raw[at:at + 4] = bytes(4)
    raw[at:at + 4] = (~sum(raw) & 0xffffffff).to_bytes(4, "big")
    f.seek(off)
    f.write(raw)
' "$@"
}
uuid_at() {
	hex "$1" "$2" 16 |
		sed 's/\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-/'
}
word() { hex "$1" "$2" 4 | sed 's/^0*//'; }
# Seconds since 2000 at OFF, as ctime(3) has it.
when() {
	date -u -d "@$(($(be "$1" "$2" 4) + 946684800))" '+%a %b %e %H:%M:%S %Y'
}
# Output as it is: bytes of the last run.
out_hex() { od -An -v -tx1 "$out" | tr -d ' \n'; }

# FILE OFF FIRST COUNT: these bits only, of the bitmap at OFF.  The rest of the
# block is zeros, so the disk stays as it is.
bits() {
	python3 -c 'import sys
off, first, count = (int(x) for x in sys.argv[2:])
with open(sys.argv[1], "r+b") as f:
    f.seek(off)
    f.write((((1 << count) - 1) << 4096 - first - count).to_bytes(512, "big"))
' "$@"
}

# Block 2 first, then block 0: places are 3584 and 2104832.
vu create -n a.vhd -s 16
pattern a.vhd 8192 8 AAAA
pattern a.vhd 96 16 BBBB
pattern a.vhd 4088 8 BBBB
bits a.vhd 3584 0 8
bits a.vhd 2104832 96 16
poke a.vhd $((2104832 + 511)) ff
vu snapshot -n child.vhd -p a.vhd
pattern child.vhd 8192 16 CCCC

# -p: the contract's example, to the letter.
cat >want <<EOF
VHD Footer Summary:
-------------------
Cookie              : conectix
Features            : (0x00000002) <RESV>
File format version : Major: 1, Minor: 0
Data offset         : 512
Timestamp           : $(when child.vhd 24)
Creator Application : 'tap'
Creator version     : Major: 1, Minor: 3
Creator OS          : Unknown!
Original disk size  : 16 MB (16777216 Bytes)
Current disk size   : 16 MB (16777216 Bytes)
Geometry            : Cyl: 481, Hds: 4, Sctrs: 17
                    : = 15 MB (16746496 Bytes)
Disk type           : Differencing hard disk
Checksum            : 0x$(word child.vhd 64)|0x$(word child.vhd 64) (Good!)
UUID                : $(uuid_at child.vhd 68)
Saved state         : No
Hidden              : 0

VHD Header Summary:
-------------------
Cookie              : cxsparse
Data offset (unusd) : 18446744073709551615
Table offset        : 1536
Header version      : 0x00010000
Max BAT size        : 8
Block size          : 2097152 (2 MB)
Parent name         : a.vhd
Parent UUID         : $(uuid_at a.vhd 68)
Parent timestamp    : $(when child.vhd 568)
Checksum            : 0x$(word child.vhd 548)|0x$(word child.vhd 548) (Good!)

VHD Parent Locators:
--------------------
locator:            : 0
       code         : PLAT_CODE_MACX
       data_space   : 512
       data_length  : 14
       data_offset  : 3072
       decoded name : ./a.vhd

locator:            : 1
       code         : PLAT_CODE_W2KU
       data_space   : 512
       data_length  : 14
       data_offset  : 3584
       decoded name : ./a.vhd

locator:            : 2
       code         : PLAT_CODE_W2RU
       data_space   : 512
       data_length  : 14
       data_offset  : 4096
       decoded name : ./a.vhd

VHD Batmap Summary:
-------------------
Batmap offset       : 2560
Batmap size (secs)  : 1
Batmap version      : 0x00010002
Checksum            : 0xffffffff|0xffffffff (Good!)

EOF
run 0 vu read -p -n child.vhd
same_file "$out" want
[ ! -s "$err" ] || fail "something on stderr"
run 0 vu read --debug -pCn child.vhd --debug
same_file "$out" want
run 0 vu read -n child.vhd
expect_silent

# The time is local, -x shows numbers as 0x..., and zero as it is.
TZ=XXX-5:30
run 0 vu read -p -n child.vhd
TZ=UTC
expect_line "Timestamp           : $(date -u -d "@$(($(be child.vhd 24 4) + \
946684800 + 19800))" '+%a %b %e %H:%M:%S %Y')"
run 0 vu read -xp -n child.vhd
expect_line 'Data offset         : 0x200'
expect_line 'Current disk size   : 0x10 MB (0x1000000 Bytes)'
expect_line 'Data offset (unusd) : 0xffffffffffffffff'
expect_line 'Max BAT size        : 0x8'
expect_line 'Block size          : 0x200000 (0x2 MB)'
expect_line '       data_offset  : 0xc00'
expect_line 'Geometry            : Cyl: 0x1e1, Hds: 0x4, Sctrs: 0x11'

# A locator that no one can read is no name: clients take the first label's.
cp child.vhd alien.vhd
poke alien.vhd $((512 + 576)) 57693272
reseal alien.vhd 512 36 1024
run 0 vu read -p -n alien.vhd
expect_line '       code         : PLAT_CODE_WI2R'
expect_line 'failed to read parent name'
same "$(grep -c 'decoded name :' "$out")" 2
same "$(grep -m 1 'decoded name :' "$out")" '       decoded name : ./a.vhd'

# A dynamic disk: no name, no locators; a fixed one: its footer, and no table.
run 0 vu read -p -n a.vhd
expect_line 'Disk type           : Dynamic hard disk'
expect_line 'Parent name         : '
expect_line 'Parent UUID         : 00000000-0000-0000-0000-000000000000'
expect_line 'Parent timestamp    : Sat Jan  1 00:00:00 2000'
! grep -q locator: "$out" || fail "a dynamic disk has locators"
vu create -n f.vhd -s 4 -r
run 0 vu read -p -n f.vhd
expect_line 'Disk type           : Fixed hard disk'
expect_line 'Data offset         : 18446744073709551615'
! grep -q Header "$out" || fail "a fixed disk has a header"
same "$(wc -l <"$out")" 20 "lines:"
for opt in '-t 0' '-b 0' -B '-m 0' '-i 0' '-e 0' -a '-j 0' '-d 0'; do
	# shellcheck disable=SC2086
	run 22 vu read -n f.vhd $opt
	expect_out 'Failed to get bat for f.vhd: -22\n'
done

# Other values.
cp a.vhd odd.vhd
for off in 0 $(($(bytes_of odd.vhd) - 512)); do
	poke odd.vhd $((off + 8)) 00000003
	poke odd.vhd $((off + 28)) 61627c1b
	poke odd.vhd $((off + 36)) 5769326b
	poke odd.vhd $((off + 84)) 0101
	reseal odd.vhd "$off" 64 512
done
run 0 vu read -p -n odd.vhd
expect_line 'Features            : (0x00000003) <TEMP><RESV>'
expect_line "Creator Application : 'ab|\\x1b'"
expect_line 'Creator OS          : Windows'
expect_line 'Saved state         : Yes'
expect_line 'Hidden              : 1'
vu set -n odd.vhd -f hidden -v 200
run 0 vu read -p -n odd.vhd
expect_line 'Hidden              : -56'
for off in 0 $(($(bytes_of odd.vhd) - 512)); do
	poke odd.vhd $((off + 36)) 4d616320
	reseal odd.vhd "$off" 64 512
done
run 0 vu read -p -n odd.vhd
expect_line 'Creator OS          : Macintosh'

# Names that cannot be read, or would steer a terminal.
cp child.vhd odd.vhd
poke odd.vhd 576 d800
poke odd.vhd 3072 "$(printf '%028d' 0)"
poke odd.vhd 3588 1b00
reseal odd.vhd 512 36 1024
run 0 vu read -p -n odd.vhd
expect_line 'Parent name         : failed to read name'
expect_line 'failed to read parent name'
expect_line '       decoded name : ./\x1b.vhd'

# A wrong sum of the map is shown, and so is the hash of a key.
vu create -n k.vhd -s 16
vu key -s -n k.vhd -H "$(printf 'a1%062d' 7)" -N "$(printf '5b%062d' 3)"
poke k.vhd 2567 40
run 0 vu read -p -n k.vhd
expect_line "Batmap keyhash nonce: 5b$(printf '%062d' 3)"
expect_line "Batmap keyhash hash : a1$(printf '%062d' 7)"
expect_line 'Checksum            : 0xffffffff|0xffffffbf (Bad!)'

# Places.
run 0 vu read -n a.vhd -b 0 -c 3
expect_out 'block: 0: offset: 2104832\nblock: 1: offset: not allocated
block: 2: offset: 3584\n'
run 0 vu read -n a.vhd -xb 2
expect_out 'block: 0x2: offset: 0xe00\n'
run 0 vu read -n a.vhd -t 99
expect_out 'logical sector 99: block number: 0, sector offset: 99, '\
'file offset: 2156032\n'
run 0 vu read -n a.vhd -t 8191 -c 2
expect_out 'logical sector 8191: block number: 1, sector offset: 4095, '\
'file offset: not allocated
logical sector 8192: block number: 2, sector offset: 0, file offset: 4096\n'
run 0 vu read -x -n a.vhd -t 8193
expect_out 'logical sector 0x2001: block number: 0x2, sector offset: 0x1, '\
'file offset: 0x1200\n'

# Bits: of the table, of sectors, runs of sectors, raw.
run 0 vu read -n a.vhd -B
same "$(out_hex)" a0
vu create -n wide.vhd -s 64
pattern wide.vhd 126976 4096 WWWW
run 0 vu read -n wide.vhd -B
same "$(out_hex)" 00000001
vu create -n part.vhd -s 18
run 0 vu read -n part.vhd -B
same "$(out_hex)" 0000
truncate -s 5M raw.img
vu snapshot -m -n onraw.vhd -p raw.img
run 0 vu read -n onraw.vhd -B
same "$(out_hex)" 00
run 0 vu read -n a.vhd -i 95 -c 2
expect_out 'block 0: sec: 95: 0\nblock 0: sec: 96: 1\n'
run 0 vu read -n a.vhd -i 4095 -c 2
expect_out 'block 0: sec: 4095: 1\nblock 1: sec: 0: 0\n'
run 0 vu read -n a.vhd -e 0 -c 32768
expect_out '96 16\n4088 8\n8192 8\n'
run 0 vu read -n a.vhd -e 100 -c 3
expect_out '100 3\n'
run 0 vu read -n a.vhd -xe 8190 -c 4
expect_out '0x2000 0x2\n'
run 0 vu read -n a.vhd -e 112 -c 3976
expect_silent
pattern a.vhd 4096 8 DDDD
bits a.vhd $(($(vu read -n a.vhd -b 1 | sed 's/.* //'))) 0 8
run 0 vu read -n a.vhd -e 4000 -c 1000
expect_out '4088 16\n'
run 0 vu read -n child.vhd -e 0 -c 32768
expect_out '8192 16\n'
run 0 vu read -n a.vhd -m 2
same "$(bytes_of "$out")" 512
same "$(hex "$out" 0 3)" ff0000
run 0 vu read -n a.vhd -m 3 -c 2
expect_out 'block 3 not allocated\nblock 4 not allocated\n'

# The batmap: bits on stderr, raw on stdout.
poke wide.vhd 2563 01
poke wide.vhd 2072 fffffffe
run 0 vu read -n wide.vhd -j 30 -c 2
expect_err 'batmap for block 30: 0\nbatmap for block 31: 1\n'
expect_out ''
run 0 vu read -n wide.vhd -a
same "$(bytes_of "$out")" 512
same "$(hex "$out" 0 5)" 0000000100

# Data: of a block of this file, and of the disk with all that is below it.
run 0 vu read -n child.vhd -d 2
same "$(bytes_of "$out")" 2097152
pattern_data 8192 16 CCCC >block
truncate -s 2M block
same_file "$out" block
run 0 vu read -n child.vhd -d 0
expect_out 'block 0 not allocated\n'
run 0 vu read -n child.vhd -r 96 -c 16
pattern_data 96 16 BBBB | cmp - "$out" || fail "not what the parent holds"
run 0 vu read -n child.vhd -r 8192
pattern_data 8192 1 CCCC | cmp - "$out" || fail "not what the child holds"
run 0 vu read -n child.vhd -R 0 -c 16777216
same "$(sum "$out")" "$(digest child.vhd)"
# Any byte, and the last ones.
for off in 1 511 49153 4194303; do
	run 0 vu read -n child.vhd -R $off -c 1025
	vu read --any-parent-dir --offset $off --length 1025 child.vhd |
		cmp - "$out" || fail "other bytes at $off"
done
run 0 vu read -n child.vhd -R 16777215
same "$(out_hex)" 00
run 0 vu read -n f.vhd -r 8191
same "$(bytes_of "$out")" 512
# All of it in the order of the manual page, whatever the options'.
run 0 vu read -R 49152 -e 96 -b 2 -t 96 -n a.vhd -c 1
head -n 3 "$out" >lines
printf '%s\n' 'logical sector 96: block number: 0, sector offset: 96, file '\
'offset: 2154496' >want
sed -i 'N;s/\n//' want
printf 'block: 2: offset: 3584\n96 1\n' >>want
cmp lines want || fail "another order"
same "$(tail -c +$(($(wc -c <lines) + 1)) "$out" | wc -c)" 1 "bytes behind:"

# Behind the end: 34, and nothing is shown.
for opt in -t -b -m -j -d -i -e -r -R; do
	case $opt in
	-t|-i|-e|-r) first=32768 what=sector ;;
	-b|-m|-j|-d) first=8 what=block ;;
	-R) first=16777216 ;;
	esac
	for try in "$first 1" "$((first - 1)) 2" "18446744073709551615 1" \
		"1 18446744073709551615"; do
		n=${try% *}
		run 34 vu read -n a.vhd $opt "$n" -c "${try#* }"
		[ "$n" = "${n#1844}" ] && n=$first
		line="$what $n past end of file\\n"
		case $opt in
		-r|-R) expect_silent ;;
		-i|-e) expect_out "$line"; expect_err '' ;;
		*) expect_err "$line"; expect_out '' ;;
		esac
	done
done
run 34 vu read -xn a.vhd -b 16
expect_err 'block 0x10 past end of file\n'
# Blocks are those of the table, which may be longer than the disk.
vu create -n room.vhd -s 16 -S 64
run 0 vu read -n room.vhd -b 31
expect_out 'block: 31: offset: not allocated\n'
run 34 vu read -n room.vhd -b 32
run 34 vu read -n room.vhd -t 32768

# A footer of 511 bytes, and one that is lost: all the same.
content=$(digest a.vhd)
size=$(bytes_of a.vhd)
head -c $((size - 1)) a.vhd >short.vhd
run 0 vu read -n short.vhd -R 0 -c 16777216
same "$(sum "$out")" "$content"
run 0 vu read -n short.vhd -p
expect_line 'Cookie              : conectix'
head -c $((size - 512)) a.vhd >lost.vhd
run 0 vu read -n lost.vhd -R 0 -c 16777216
same "$(sum "$out")" "$content"

# What cannot be opened: status, and whatever headers there are.
run 2 vu read -n nope.vhd -p
expect_out 'Failed to open nope.vhd: -2\n
nope.vhd appears invalid; dumping headers\n\n'
cp a.vhd bad.vhd
poke bad.vhd 0 63ff6e65
poke bad.vhd $((size - 512)) 63ff6e65
run 22 vu read -n bad.vhd -p
expect_first 'Failed to open bad.vhd: -22'
expect_line 'bad.vhd appears invalid; dumping headers'
expect_line 'Cookie              : c\xffnectix'
expect_line 'Max BAT size        : 8'
expect_line 'Table offset        : 1536'
grep -q 'Checksum            : 0x.*(Bad!)$' "$out" || fail "no bad sum"
LC_ALL=C grep -q '[^ -~]' "$out" && fail "bytes that are no text"
run 22 vu read -xn bad.vhd -p
expect_line 'Table offset        : 0x600'
run 22 vu read -n bad.vhd -r 0
expect_first 'Failed to open bad.vhd: -22'
head -c 600 a.vhd >bad.vhd
run 22 vu read -p -n bad.vhd
expect_line 'Cookie              : conectix'

# A poisoned image can be read.
cp a.vhd bad.vhd
for off in 0 $((size - 512)); do
	poke bad.vhd $off 765f706f69736f6e
	reseal bad.vhd $off 64 512
done
run 0 vu read -p -n bad.vhd
expect_line 'Cookie              : v_poison'
run 0 vu read -n bad.vhd -R 0 -c 16777216
same "$(sum "$out")" "$content"

# No parent: this file's own things are there, the disk is not.
mv a.vhd away.vhd
run 0 vu read -n child.vhd -p -e 0 -c 32768
expect_line '8192 16'
run 2 vu read -n child.vhd -r 0
mv away.vhd a.vhd

# Usage.
run 22 vu read --debug -h
run 22 vu read -p
run 22 vu read -n a.vhd -p stray
run 22 vu read -n a.vhd -t abc
run 22 vu read -n a.vhd -t 1 -c -1
run 22 vu read -n a.vhd -z
expect_err "read: invalid option -- 'z'\n"

# A full disk shows.
if [ -c /dev/full ]; then
	if vu read -n a.vhd -r 0 >/dev/full 2>"$err"; then
		fail "a read to a full disk is a success"
	fi
fi
