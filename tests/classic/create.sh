#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# "create": what is written, byte for byte, and what is refused.
. "$(dirname "$0")/lib.sh"

# The layout of Xen's own tool, with what differs from one image to the next:
# id, time and checksum.
blank() {
	cp "$1" "$2"
	last=$(($(bytes_of "$1") - 512))
	for at in 0 "$last"; do
		poke "$2" $((at + 24)) 00000000
		poke "$2" $((at + 64)) "$(printf '%040d' 0)"
	done
}
layout() {
	python3 - "$1" "$2" "${3:-$2}" <<-'EOF'
	import struct, sys
	name, size, room = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
	entries = (room + 0x1fffff) >> 21
	def pad(b):
	    return b + bytes(-len(b) % 512)
	def footer():
	    secs = min(size >> 9, 65535 * 16 * 255)
	    if secs >= 65535 * 16 * 63:
	        spt, heads, ct = 255, 16, secs // 255
	    else:
	        spt, ct = 17, secs // 17
	        heads = max((ct + 1023) // 1024, 4)
	        if ct >= heads * 1024 or heads > 16:
	            spt, heads, ct = 31, 16, secs // 31
	        if ct >= heads * 1024:
	            spt, heads, ct = 63, 16, secs // 63
	    return pad(struct.pack('>8sIIQI4sIIQQHBBI', b'conectix', 2, 0x10000,
	        512, 0, b'tap\0', 0x10003, 0, size, size, ct // heads, heads, spt,
	        3))
	head = struct.pack('>8sQQIIII', b'cxsparse', 2 ** 64 - 1, 1536, 0x10000,
	                   entries, 1 << 21, 0)
	total = ~sum(head) & 0xffffffff
	head = (head[:36] + struct.pack('>I', total)).ljust(1024, b'\0')
	bat = pad(b'\xff' * (4 * entries))
	secs = max(1, ((entries + 7) // 8 + 511) // 512)
	batmap = pad(struct.pack('>8sQIII', b'tdbatmap', 1536 + len(bat) + 512,
	                         secs, 0x10002, 0xffffffff))
	open(name, 'wb').write(footer() + head + bat + batmap +
	                       bytes(512 * secs) + footer())
	EOF
}
expect_layout() {
	layout want "$2" "${3:-$2}"
	blank "$1" got
	same_file got want
}

now=$(date +%s)
run 0 vu create -n a.vhd -s 64
expect_silent
same "$(bytes_of a.vhd)" 3584
expect_layout a.vhd 67108864
if [ -e "$VHD_SAMPLES_DIR/xen/dyn-empty.vhd.gz" ]; then
	gzip -dc "$VHD_SAMPLES_DIR/xen/dyn-empty.vhd.gz" >sample
	blank sample want
	same_file got want
fi
# Seconds since 2000, and an id that is nobody else's.
at=$(($(be a.vhd 24 4) + 946684800))
[ "$at" -ge "$now" ] || fail "made at $at"
[ "$at" -le $((now + 60)) ] || fail "made at $at"
[ "$(hex a.vhd 68 16)" != "$(printf '%032d' 0)" ] || fail "there is no id"
id=$(hex a.vhd 68 16)
run 0 vu create --debug -s64 -na.vhd --debug
expect_silent
[ "$(hex a.vhd 68 16)" != "$id" ] || fail "two images have one id"
run 0 vu check -n a.vhd
expect_out 'a.vhd is valid\n'

# Whole blocks of 2 MiB, and a size that Xen's own tool miscounts.
while read -r mib size bytes; do
	run 0 vu create -n s.vhd -s "$mib"
	expect_silent
	expect_layout s.vhd "$size"
	same "$(bytes_of s.vhd)" "$bytes" "for $mib MiB it has"
	run 0 vu check -n s.vhd
done <<'EOF'
1 2097152 3584
2 2097152 3584
3 4194304 3584
255 268435456 3584
256 268435456 3584
258 270532608 4096
8194 8592031744 20480
EOF
for mib in 2088960 2088961 2097150 2097152; do
	size=$(((mib + 1) / 2 * 2 * 1048576))
	run 0 vu create -n s.vhd -s "$mib"
	expect_layout s.vhd "$size"
	run 0 vu query -n s.vhd -v
	expect_out "$((size / 1048576))\\n"
	run 0 vu check -n s.vhd
done

# What a client that makes volumes has counted on.
run 0 vu create -n r.vhd -s 10 -S 2097152
expect_silent
same "$(bytes_of r.vhd)" 4327936
expect_layout r.vhd 10485760 2199023255552
run 0 vu query -n r.vhd -vsSa
expect_out '10\n4327936\n0\n2097152\n'
run 0 vu check -n r.vhd
run 0 vu create -n r.vhd -s 3 -S 5
expect_layout r.vhd 4194304 6291456
for args in '-s 10 -S 8' '-s 4 -S 3'; do
	# shellcheck disable=SC2086
	run 22 vu create -n r2.vhd $args
	grep -q '^Error: ' "$out" || fail "no word about it"
	[ ! -e r2.vhd ] || fail "an image was made"
done

# Fixed: the data, then a footer, and the space is there.
run 0 vu create -n f.vhd -r -s 3
expect_silent
same "$(bytes_of f.vhd)" 4194816
head -c 4194304 f.vhd | cmp -n 4194304 - /dev/zero || fail "not zeros"
same "$(hex f.vhd 4194304 16)" 636f6e65637469780000000200010000
same "$(hex f.vhd 4194320 8)" ffffffffffffffff
same "$(hex f.vhd 4194332 8)" 7461700000010003
same "$(hex f.vhd 4194364 4)" 00000002
[ "$(stat -c %b f.vhd)" -ge 8192 ] || fail "the space was not reserved"
run 0 vu create -n f.vhd -rs 4 -S 100
same "$(bytes_of f.vhd)" 4194816
if [ -e "$VHD_SAMPLES_DIR/xen/fixed.vhd.gz" ]; then
	gzip -dc "$VHD_SAMPLES_DIR/xen/fixed.vhd.gz" | tail -c 512 >want
	tail -c 512 f.vhd >got
	for f in want got; do
		poke $f 24 00000000
		poke $f 64 "$(printf '%040d' 0)"
	done
	same_file got want
fi

# What is there is replaced, also behind a link, when all else is done.
echo old >old
ln -s old link
exec 7<old
run 0 vu create -n link -s 2
expect_silent
[ -L link ] || fail "the link is gone"
same "$(bytes_of old)" 3584
exec 7<&-
ln -s new dangling
run 0 vu create -n dangling -s 2
same "$(bytes_of new)" 3584
run 0 vu create -n -dash -s 2
[ -e ./-dash ] || fail "the name was taken for an option"

# Whoever could read and write it still can, and nobody else; here a program's
# own user.
vu create -n base.vhd -s 2
for verb in create snapshot; do
	echo old >owned
	[ "$(id -u)" -ne 0 ] || chown 1000:1001 owned
	chmod 600 owned
	was=$(stat -c '%u %g %a' owned)
	if [ $verb = create ]; then
		run 0 vu create -n owned -s 2
	else
		run 0 vu snapshot -n owned -p base.vhd
	fi
	same "$(stat -c '%u %g %a' owned)" "$was" "after $verb it is"
	run 0 vu check -n owned
done

# In the modern form the same room can be had.
run 0 vu create --for xen --size 10M --room 2T m.vhd
expect_layout m.vhd 10485760 2199023255552

# Not to be had.
run 2 vu create -n no/a.vhd -s 2
expect_out ''
expect_err 'no/a.vhd: failed to create: -2\n'
mkdir dir
run 21 vu create -n dir -s 2
expect_err 'dir: failed to create: -21\n'
[ -d dir ] || fail "the folder is gone"
run 22 vu create -n /dev/null -s 2
[ -c /dev/null ] || fail "/dev/null is gone"
[ "$(vu create -n /dev/full -s 2 2>&1)" = "/dev/full: failed to create: -22" ] ||
	fail "other words about /dev/full"
for args in '-s 2' '-n x.vhd' '-n x.vhd -s 0' '-n x.vhd -S 2' \
	'-n x.vhd -s abc' '-n x.vhd -s 2x' '-n x.vhd -s -2' '-n x.vhd -s 2 more' \
	'-n x.vhd -s 2097153' '-n x.vhd -s 99999999999999999999' \
	'-n x.vhd -s 2 -S abc' '-n x.vhd -s 2 -S 2097154' \
	'-n x.vhd -s 2 -z' '-n'; do
	# shellcheck disable=SC2086
	run 22 vu create $args
	[ -s "$out" ] || fail "no word about it"
	[ ! -e x.vhd ] || fail "an image was made"
done
run 22 vu create -n x.vhd -s 2 -z
grep -q "create: invalid option -- 'z'" "$err" || fail "no word about -z"
run 22 vu create -n x.vhd -h
grep -q usage "$out" || fail "-h says nothing"
if [ "$(id -u)" -ne 0 ]; then
	mkdir locked
	chmod a-w locked
	run 13 vu create -n locked/a.vhd -s 2
	expect_err 'locked/a.vhd: failed to create: -13\n'
fi
same "$(find . -name '*.tmp' -o -name '.vhd-*')" ""
