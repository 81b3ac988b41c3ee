#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# "copy": all blocks that there are, whole, as they are or encrypted.
. "$(dirname "$0")/lib.sh"

vu create -n a.vhd -s 16 -S 64
pattern a.vhd 4090 10 two
pattern a.vhd 32767 1 last
zeros a.vhd 20480 8
before=$(sum a.vhd)
run 0 vu query -n a.vhd -a
expect_out '4\n'

run 0 vu copy -n a.vhd -N b.vhd
expect_silent
same "$(sum a.vhd)" "$before" "the source is"
run 0 vu check -n b.vhd
run 0 vu query -n b.vhd -va
expect_out '16\n4\n'
same "$(digest b.vhd)" "$(digest a.vhd)"
# Each of them whole: all bits are set, also Xen's.
same "$(vu read -n b.vhd -B | od -An -tx1 | tr -d ' \n')" c5 "the blocks are"
for block in 0 1 5 7; do
	run 0 vu read -n b.vhd -i $((block * 4096 + 99))
	expect_out "block $block: sec: 99: 1\\n"
	run 0 vu read -n b.vhd -j $block
	same "$(cat "$out" "$err")" "batmap for block $block: 1"
done
[ "$(hex a.vhd 68 16)" != "$(hex b.vhd 68 16)" ] || fail "both have one id"

# Encrypted: known answers, by what this test computes itself.
requires openssl
head -c 32 /dev/urandom >key32
head -c 64 /dev/urandom >key64
sector() {
	python3 - "$1" "$2" <<-'EOF'
	import os, struct, sys
	name, sector = sys.argv[1], int(sys.argv[2])
	with open(name, 'rb') as f:
	    f.seek(1536 + 4 * (sector // 4096))
	    entry = struct.unpack('>I', f.read(4))[0]
	    f.seek(entry * 512 + 512 + sector % 4096 * 512)
	    sys.stdout.buffer.write(f.read(512))
	EOF
}
# XTS of the plain cipher, as the standard has it; the tweak is the number of the
# sector, its low byte first.
decrypt() {
	python3 - "$1" "$2" <<-'EOF'
	import subprocess, sys
	key, sector = open(sys.argv[1], 'rb').read(), int(sys.argv[2])
	half = len(key) // 2
	def ecb(key, data, *args):
	    return subprocess.run(['openssl', 'enc', '-aes-%d-ecb' % (half * 8),
	        '-K', key.hex(), '-nopad', *args], input=data,
	        stdout=subprocess.PIPE, check=True).stdout
	def xor(a, b):
	    return bytes(x ^ y for x, y in zip(a, b))
	tweak = int.from_bytes(
	    ecb(key[half:], sector.to_bytes(16, 'little')), 'little')
	mask = b''
	for i in range(32):
	    mask += tweak.to_bytes(16, 'little')
	    tweak = tweak << 1 ^ (0x87 if tweak >> 127 else 0)
	    tweak &= (1 << 128) - 1
	data = open('cipher', 'rb').read()
	sys.stdout.buffer.write(xor(ecb(key[:half], xor(data, mask), '-d'), mask))
	EOF
}
for key in key32 key64; do
	rm -f e.vhd
	if [ $key = key32 ]; then
		run 0 vu copy -n a.vhd -N e.vhd -k $key
	else
		run 0 vu copy -n a.vhd -N e.vhd -E <$key
	fi
	expect_silent
	run 0 vu check -n e.vhd
	run 0 vu query -n e.vhd -va
	expect_out '16\n4\n'
	for at in 0 4090 4096 20481 32767; do
		sector a.vhd $at >want
		sector e.vhd $at >cipher
		decrypt $key $at >got
		cmp want cipher >/dev/null 2>&1 && fail "sector $at is plain"
		same_file got want
	done
	run 0 vu key -p -n e.vhd
	read -r nonce hash <"$out"
	{
		python3 -c 'import sys
sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$nonce"
		cat $key
	} >both
	same "$hash" "$(sum both)" "the hash is"
	cp $key "e,aes-xts-plain,$(($(bytes_of $key) * 8)).key"
	run 0 vu key -c -n e.vhd -k "e,aes-xts-plain,$(($(bytes_of $key) * 8)).key"
	# Its bytes are copied with what they are known by.
	rm -f e2.vhd
	run 0 vu copy -n e.vhd -N e2.vhd
	same "$(vu key -p -n e2.vhd)" "$nonce $hash"
	sector e.vhd 4090 >want
	sector e2.vhd 4090 >got
	same_file got want
	run 22 vu copy -n e.vhd -N e3.vhd -k $key
	[ ! -e e3.vhd ] || fail "it was encrypted twice"
done

# What is refused leaves nothing.
before=$(sum b.vhd)
run 22 vu copy -n a.vhd -N b.vhd
[ -s "$out" ] || fail "no word about it"
same "$(sum b.vhd)" "$before" "the old file is"
vu create -n f.vhd -r -s 2
vu snapshot -n s.vhd -p a.vhd
for name in f.vhd s.vhd; do
	run 22 vu copy -n $name -N n.vhd
done
run 2 vu copy -n nope.vhd -N n.vhd
expect_out 'error opening nope.vhd: -2\n'
if as_nobody; then
	mkdir shut
	vu create -n shut/a.vhd -s 4
	chmod 0 shut/a.vhd
	# shellcheck disable=SC2086
	run 13 $as "$VHD_UTIL" copy -n shut/a.vhd -N n.vhd
	expect_out 'error opening shut/a.vhd: -13\n'
	expect_err ''
fi
run 2 vu copy -n a.vhd -N no/n.vhd
run 2 vu copy -n a.vhd -N n.vhd -k nope.key
head -c 33 key64 >key33
run 22 vu copy -n a.vhd -N n.vhd -k key33
run 22 vu copy -n a.vhd -N n.vhd -E </dev/null
run 22 vu copy -n a.vhd -N n.vhd -E -k key32
run 22 vu copy -n a.vhd
run 22 vu copy -N n.vhd
run 22 vu copy -n a.vhd -N n.vhd -z
[ ! -e n.vhd ] || fail "something was made"
run 0 vu copy -n a.vhd -N n.vhd ignored
same "$(find . -name '*.tmp' -o -name '.vhd-*')" ""
