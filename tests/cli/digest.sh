#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The digest is the disk's, whatever it is in; the manifest finds what changed;
# both are as docs/digest.md defines them.
. "$(dirname "$0")/functions.sh"

requires python3 sha256sum
raw_disk disk.raw
truncate -s $((37 * 1048576 + 4096)) disk.raw
for f in a.vhd a.vhdx; do
	run 0 vu convert disk.raw $f
done
run 0 vu convert --type fixed disk.raw b.vhdx
run 0 vu create --parent a.vhdx c.avhdx

# docs/digest.md, in Python.
cat >digest.py <<'P'
import hashlib, sys
def digest(path, block):
    data = open(path, "rb").read()
    text = "vhd-digest 1 sha256 %d %d\n" % (len(data), block)
    for off in range(0, len(data), block):
        piece = data[off:off + block]
        if piece.strip(b"\0"):
            text += "%d %s\n" % (off, hashlib.sha256(piece).hexdigest())
    return text, hashlib.sha256(text.encode()).hexdigest()
text, sum = digest(sys.argv[1], int(sys.argv[2]))
print(text + "digest " + sum)
P
plain=$(sha256sum disk.raw | cut -d ' ' -f 1)
for block in 4096 65536 4194304 67108864; do
	python3 digest.py disk.raw $block >want
	sum=$(tail -n 1 want | cut -d ' ' -f 2)
	for f in disk.raw a.vhd a.vhdx b.vhdx c.avhdx; do
		run 0 vu digest --json --sha256 --block $block \
			--manifest have $f
		err_empty
		json_is '(d["digest"], d["sha256"], d["block_size"])' \
			"('$sum', '$plain', $block)"
		same want have
		run 0 vu digest --json --verify have $f
		json_is '(d["same"], d["ranges"], d["size"])' \
			"(True, [], 38801408)"
		run 0 vu digest --block $block $f
		out_has "$sum"
		rm have
	done
done

# What changed is found: data, data that became zeros, zeros that became data.
run 0 vu digest --block 64K --manifest sums a.vhdx
run 0 vu convert a.vhdx d.vhdx
printf X >x
run 0 vu write --offset 100 d.vhdx x
run 0 vu write --zero --offset 11M --length 128K d.vhdx
run 0 vu write --offset 30M d.vhdx x
run 3 vu digest --json --verify sums d.vhdx
json_is '(d["same"], [(r["start"], r["length"]) for r in d["ranges"]],
	d["differing_bytes"])' \
"(False, [(0, 65536), (11534336, 131072), (31457280, 65536)], 262144)"
run 3 vu digest --verify sums d.vhdx
out_has "not as the manifest says: 3 ranges"
run 0 vu convert --size 40M a.vhdx larger.vhdx
run 3 vu digest --json --verify sums larger.vhdx
json_is '(d["same"], d["manifest_size"], d["size"])' \
	"(False, 38801408, 41943040)"

# A manifest that is not whole or not true is refused.
head -n 5 sums >short
sed 's/^65536 ./65536 0/; s/^0 ./0 1/' sums >edited
printf 'vhd-digest 2 sha256 1 4096\n' >other
: >empty
sed '2s/^0 /1 /' sums >odd
head -c 100000 /dev/urandom >noise
for f in short edited other empty odd noise missing; do
	run 1 vu digest --verify $f a.vhdx
	out_empty
	one_sentence digest
	err_lacks "vhd-util check"
	err_lacks "convert"
done
# Operands in the wrong order.
cp sums sums.vhdx
for f in sums sums.vhdx; do
	run 1 vu digest --verify a.vhdx $f
	one_sentence digest
	err_has "vhd-util digest --verify MANIFEST IMAGE"
done
err_has "sums.vhdx: is a manifest, and no image"
rm sums.vhdx
# "-" would be a file of that name.
run 2 vu digest --manifest - a.vhdx
usage_error digest
run 2 vu digest --verify - a.vhdx
usage_error digest
absent ./-

# What is there is not replaced, and a failure leaves nothing.
cp sums before
run 1 vu digest --manifest sums a.vhdx
one_sentence digest
err_has "hint: --force replaces it"
same sums before
run 0 vu digest --force --manifest sums a.vhdx
run 1 vu digest --manifest made missing.vhdx
absent made
run 2 vu digest --verify sums --block 64K a.vhdx
usage_error digest
run 2 vu digest --block 5000 a.vhdx
usage_error digest

# 64 TiB of nothing take no time, and so does a fixed disk that is a hole.
run 0 vu create --size 64T e.vhdx
run 0 timeout 60 "$VHD_UTIL" digest e.vhdx
run 0 vu create --type fixed --size 500G f.vhd
run 0 timeout 60 "$VHD_UTIL" digest f.vhd
