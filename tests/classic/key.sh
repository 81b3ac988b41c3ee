#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# key: the hash of the key of an encrypted disk.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

nonce=$(printf '5b%062d' 3)
hash=$(printf 'A1%061df' 7)
low=$(printf 'a1%061df' 7)
zero=$(printf '%064d' 0)

# Nothing on stdout, something on stderr.
complains() {
	[ ! -s "$out" ] || fail "something on stdout"
	[ -s "$err" ] || fail "nothing on stderr"
}

vu create -n a.vhd -s 16
cp a.vhd was.vhd
run 0 vu key -p -n a.vhd
expect_out 'none\n'
expect_err ''

# -s -H: silent; the nonce is zeros unless it is given; nothing else changes.
run 0 vu key -s -n a.vhd -H "$hash"
expect_silent
run 0 vu key --debug -pn a.vhd
expect_out "$zero $low\\n"
run 0 vu key -s -H "$hash" -N "$nonce" -n a.vhd
expect_silent
run 0 vu key -p -n a.vhd
expect_out "$nonce $low\\n"
run 0 vu key -sp -n a.vhd -H "$hash" -N "$nonce"
expect_out "$nonce $low\\n"
same "$(hex a.vhd 2077 65)" "01$nonce$low" "the batmap's header holds"
cmp -l was.vhd a.vhd | awk '$1 <= 2077 || $1 > 2142 { exit 1 }' ||
	fail "something else changed"
run 0 vu check -n a.vhd
run 0 vu query -n a.vhd -vsa
expect_out '16\n3584\n0\n'

# A snapshot inherits it.
vu snapshot -n child.vhd -p a.vhd
run 0 vu key -p -n child.vhd
expect_out "$nonce $low\\n"

# Refused: a fixed disk, one with a block, and hashes that are none.
vu create -n f.vhd -s 4 -r
cp f.vhd g.vhd
run 22 vu key -s -n f.vhd -H "$hash"
complains
same_file f.vhd g.vhd
run 0 vu key -p -n f.vhd
expect_out 'none\n'
cp was.vhd full.vhd
pattern full.vhd 0 8 AAAA
cp full.vhd g.vhd
run 22 vu key -s -n full.vhd -H "$hash"
same_file full.vhd g.vhd
cp was.vhd b.vhd
for bad in '' 12 "${hash}0" "${hash%?}g" "${hash%?} "; do
	run 22 vu key -s -n b.vhd -H "$bad"
	run 22 vu key -s -n b.vhd -H "$hash" -N "$bad"
done
same_file b.vhd was.vhd

# -k: files named for the image, with as many bits as their names say.
printf '0123456789abcdef0123456789ABCDEF' >b,aes-xts-plain,256.key
cat b,aes-xts-plain,256.key b,aes-xts-plain,256.key >b,aes-xts-plain,512.key
sum_of() {
	python3 -c 'import hashlib, sys
key = open(sys.argv[2], "rb").read()
print(hashlib.sha256(bytes.fromhex(sys.argv[1]) + key).hexdigest())' "$@"
}
for bits in 256 512; do
	file=b,aes-xts-plain,$bits.key
	run 0 vu key -s -n b.vhd -k $file -N "$nonce"
	expect_out ''
	expect_err "using key file $file: $bits bits\\n"
	run 0 vu key -p -n b.vhd
	expect_out "$nonce $(sum_of "$nonce" $file)\\n"
	run 0 vu key -c -n b.vhd -k "$PWD/$file"
	expect_out ''
done
run 22 vu key -c -n b.vhd -k b,aes-xts-plain,256.key
expect_out ''
[ "$(tail -n 1 "$err")" = 'key check failed: -22' ] || fail "no verdict"
cp was.vhd c.vhd
run 22 vu key -s -n c.vhd -k b,aes-xts-plain,256.key
cp b,aes-xts-plain,256.key c,aes-xts-plain,512.key
run 22 vu key -s -n c.vhd -k c,aes-xts-plain,512.key
run 2 vu key -s -n c.vhd -k c,aes-xts-plain,256.key
cp b,aes-xts-plain,256.key c,aes-cbc,256.key
run 22 vu key -s -n c.vhd -k c,aes-cbc,256.key
same_file c.vhd was.vhd
# Nothing to compare with.
cp b,aes-xts-plain,256.key c,aes-xts-plain,256.key
run 22 vu key -c -n c.vhd -k c,aes-xts-plain,256.key
[ "$(tail -n 1 "$err")" = 'key check failed: -22' ] || fail "no verdict"

# -C: any name, at most 64 bytes.
printf abc >any
run 0 vu key -C -k any
expect_out "$(sum_of "$zero" any)\\n"
run 0 vu key -C -k any -N "$nonce"
expect_out "$(sum_of "$nonce" any)\\n"
run 0 vu key -C -k b,aes-xts-plain,512.key
head -c 65 /dev/zero >long
run 22 vu key -C -k long
expect_out ''
: >empty
run 22 vu key -C -k empty
run 2 vu key -C -k nothing

# Errors of opening.
run 2 vu key -p -n nope.vhd
expect_out ''
expect_err 'failed to open nope.vhd: -2\n'
run 22 vu key -p -n any
expect_err 'failed to open any: -22\n'
run 2 vu key -s -n nope.vhd -H "$hash"
expect_err 'failed to open nope.vhd: -2\n'

# Usage is on stderr: 0 for -h, else 22.
run 0 vu key -h
complains
for line in '' '-p' '-s -n b.vhd' "-s -n b.vhd -k x -H $hash" '-c -n b.vhd' \
	'-C' '-p -s -n b.vhd' "-s -c -n b.vhd -H $hash" \
	"-c -n b.vhd -k x -N $hash" '-n b.vhd' '-p -n b.vhd stray' '-p -n b.vhd -z'; do
	# shellcheck disable=SC2086
	run 22 vu key $line
	complains
done

# Without a batmap the hash is an attribute of the file.
vu create --size 16M plain.vhd
if python3 -c 'import os, sys
name = "user.com.citrix.xenclient.backend.keyhash"
os.setxattr("plain.vhd", name, b"\x01" + bytes.fromhex(sys.argv[1]))
' "$nonce$low" 2>/dev/null; then
	run 0 vu key -p -n plain.vhd
	expect_out "$nonce $low\\n"
	run 0 vu key -s -n plain.vhd -H "$zero"
	run 0 vu key -p -n plain.vhd
	expect_out "$zero $zero\\n"
	cp plain.vhd other.vhd
	run 0 vu key -p -n other.vhd
	expect_out 'none\n'
else
	echo "no attributes on this file system: that part is left out"
fi

# The modern verbs have no key: they refuse what is encrypted, and say of an empty
# disk that its copy is plain.
vu create -n empty.vhd -s 4
vu key -s -n empty.vhd -H "$(printf %064d 1)"
run 0 vu convert empty.vhd empty.vhdx
grep -q 'hash of an encryption key' "$err" || fail "no word about the key"
vu create -n plain.vhd -s 4
pattern plain.vhd 0 8 data
run 0 vu convert plain.vhd plain.vhdx
expect_silent
head -c 32 /dev/urandom >key32
vu copy -n plain.vhd -N secret.vhd -k key32
for verb in "convert secret.vhd secret.vhdx" "read secret.vhd" \
	"digest secret.vhd" "flatten --output secret.vhdx secret.vhd"; do
	# shellcheck disable=SC2086
	run 1 vu $verb
	grep -q 'is encrypted, and there is no key' "$err" ||
		fail "no word about the key"
	[ ! -e secret.vhdx ] || fail "the ciphertext was copied"
done
