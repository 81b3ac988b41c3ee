#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A disk that an NBD server shows is read: whole, through several connections or
# one, in the blocks that the server wants, and without its holes.
. "$(dirname "$0")/nbd_functions.sh"

requires nbdkit qemu-img timeout
raw_disk disk.raw
truncate -s 40M disk.raw

# convert NBDKIT-ARG...
convert() {
	serve "$@"
	run 0 vu convert "$uri" new.vhdx
	silent
	unserve
	same_disk disk.raw new.vhdx vhdx
	run 0 vu check new.vhdx
	rm new.vhdx
}

convert file disk.raw
convert -r file disk.raw
convert --filter=multi-conn file disk.raw multi-conn-mode=disable
# Without structured replies nothing is known of holes.
convert --no-sr file disk.raw
convert --oldstyle file disk.raw
convert --filter=noextents file disk.raw
convert --filter=blocksize-policy file disk.raw blocksize-minimum=4096 \
	blocksize-preferred=65536 blocksize-maximum=65536 \
	blocksize-error-policy=error
convert --filter=delay file disk.raw delay-read=10ms

# Nothing is read of what is a hole, and no question is asked twice.
truncate -s 2G sparse.raw
noise 3000000 | patch_blocks sparse.raw 2048
noise 70000 | patch_blocks sparse.raw 3000000
serve --filter=log file sparse.raw logfile="$T/requests"
run 0 vu convert "$uri" sparse.vhdx
unserve
same_disk sparse.raw sparse.vhdx vhdx
awk '/ Read / {
	for (i = 1; i <= NF; i++)
		if ($i ~ /^count=/) {
			sub("count=", "", $i)
			sum += strtonum_($i)
		}
}
function strtonum_(hex,    v, k) {
	v = 0
	hex = tolower(substr(hex, 3))
	for (k = 1; k <= length(hex); k++)
		v = v * 16 + index("0123456789abcdef", substr(hex, k, 1)) - 1
	return v
}
END { print sum + 0 }' "$T/requests" >bytes
read_bytes=$(cat bytes)
[ "$read_bytes" -ge 3070000 ] || fail "only $read_bytes bytes were read"
[ "$read_bytes" -le 4300000 ] || fail "$read_bytes bytes were read"
asked=$(grep -c ' Extents ' "$T/requests")
[ "$asked" -le 12 ] || fail "$asked questions about extents"

# An export has a name.
serve --filter=exportname file disk.raw exportname=disk1 exportname-strict=true
run 0 vu convert "nbd+unix:///disk1?socket=$T/sock" new.vhdx
same_disk disk.raw new.vhdx vhdx
rm new.vhdx
run 1 vu convert "nbd+unix:///disk2?socket=$T/sock" new.vhdx
one_sentence convert
err_has "the NBD server has no export of that name"
unserve

# An image that is exported as it is can be read as one.
run 0 vu convert disk.raw inner.vhd
serve file inner.vhd
run 0 vu convert --source-format vhd "$uri" new.vhdx
same_disk disk.raw new.vhdx vhdx
run 0 vu convert "$uri" - >/dev/null
unserve
same "$out" inner.vhd
rm new.vhdx
clean
