#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What QEMU reads is converted as any image is: every format, as it is made by
# its options, whatever its file is called.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd timeout
raw_disk disk.raw
truncate -s 40M disk.raw

# from FILE [ARG...]: the disk is in it
from() {
	name=$1
	shift
	run 0 vu convert "$@" -- "$name" new.vhdx
	silent
	same_disk disk.raw new.vhdx vhdx
	rm new.vhdx
}

# made FORMAT OPTIONS [ARG...]
made() {
	rm -f image*
	run 0 qemu-img convert -f raw -O "$1" ${2:+-o "$2"} disk.raw image
	from image
}

made qcow2 ""
made qcow2 compat=0.10
made qcow2 cluster_size=512
made qcow2 cluster_size=2M,extended_l2=on
made qcow2 preallocation=metadata
made qcow2 lazy_refcounts=on
made qcow ""
made qed ""
made vdi ""
made vdi static=on
made parallels ""
made vmdk ""
made vmdk subformat=streamOptimized
# Those that consist of several files.
made vmdk subformat=monolithicFlat
made vmdk subformat=twoGbMaxExtentSparse
made vmdk subformat=twoGbMaxExtentFlat
# One beside which the parts cannot be seen from here.
mkdir deep
mv image* deep
from deep/image
from "$T/deep/image"
mv deep/image-f001 deep/gone
run 1 vu convert deep/image new.vhdx
one_sentence convert
err_has 'its part "image-f001" cannot be opened: No such file'
rm -r deep

rm -f image*
run 0 qemu-img convert -c -f raw -O qcow2 disk.raw image
from image
# A snapshot inside is not the disk.
run 0 qemu-img snapshot -c before image
run 0 qemu-io -f qcow2 -c 'write -P 7 1M 3M' image
cp disk.raw old.raw
run 0 qemu-io -f raw -c 'write -P 7 1M 3M' disk.raw
from image
mv old.raw disk.raw

# Straight to all other formats, and read in parts.
run 0 qemu-img convert -f raw -O qcow2 disk.raw disk.qcow2
for to in a.vhd a.raw; do
	run 0 vu convert disk.qcow2 $to
done
same a.raw disk.raw
same_disk disk.raw a.vhd vpc
run 0 vu convert disk.qcow2 -
same "$out" disk.raw
run 0 vu convert --json --verify disk.qcow2 b.vhdx
json_is 'd["source_size"]' 41943040
json_is 'd["verified"]' True

# A sparse disk is not read where it is empty.
run 0 qemu-img create -q -f qcow2 huge.qcow2 8T
run 0 qemu-io -f qcow2 -c 'write -P 65 5T 1M' huge.qcow2
run 0 timeout 60 "$VHD_UTIL" convert huge.qcow2 huge.vhdx
run 0 vu read --offset $(((5 << 40) - 65536)) --length 1180000 huge.vhdx
[ "$(tr -d '\0' <"$out" | tr -d A | wc -c)" -eq 0 ] || fail "other bytes"
[ "$(tr -d '\0' <"$out" | wc -c)" -eq 1048576 ] || fail "not all bytes"
rm huge.*

# Names that mean something in QEMU's syntax.
for name in "a,b.qcow2" "nbd:x.qcow2" "json:{}.qcow2" "-f.qcow2" "a b'\"%.vmdk" \
	"$(printf 'name\377.qcow2')" "driver=raw,file.filename=x" "noext"; do
	cp disk.qcow2 "./$name"
	case $name in
	-*) from "./$name" ;;
	*) from "$name" ;;
	esac
	rm "./$name"
done
cp disk.qcow2 disk.vhdx
from disk.vhdx
rm disk.vhdx

# A file called .raw is not guessed about.
cp disk.qcow2 guess.raw
run 1 vu convert guess.raw new.vhdx
one_sentence convert
err_has "the name is that of a raw disk"
err_has "hint: --source-format raw takes the bytes"
run 0 vu convert --source-format raw guess.raw c.raw
same c.raw disk.qcow2
rm guess.raw c.raw

# Standard descriptors that are closed are in nobody's way.
run 0 sh -c '"$@" <&-' sh "$VHD_UTIL" convert disk.qcow2 c.raw
same c.raw disk.raw
rm c.raw
run 0 sh -c '"$@" <&- >&- 2>&-' sh "$VHD_UTIL" convert disk.qcow2 c.raw
same c.raw disk.raw
rm c.raw
run 0 sh -c '"$@" <&- >&- 2>&-' sh "$VHD_UTIL" convert disk.raw c.qcow2
same_disk disk.raw c.qcow2 qcow2
rm c.qcow2
run 1 vu convert --parent disk.raw disk.qcow2 new.vhdx
one_sentence convert
err_has "--parent is for VHD and VHDX"

# A raw disk is a raw disk, also when its guest wrote the start of a qcow2 to it:
# then its name or an option has to say so, as before.
run 0 vu convert --source-format raw disk.qcow2 c.raw
same c.raw disk.qcow2

# What cannot be read.
cp disk.qcow2 locked.qcow2
# crypt_method: LUKS
printf '\0\0\0\2' | patch locked.qcow2 32
run 1 vu convert locked.qcow2 new.vhdx
one_sentence convert
err_has "the image is encrypted"
printf 'QFI\373\0\0\0\3' >bad.qcow2
truncate -s 4096 bad.qcow2
run 1 vu convert bad.qcow2 new.vhdx
one_sentence convert
err_has "bad.qcow2: qemu-nbd says: "
err_lacks "json:"
run 2 vu convert --disk 0 disk.qcow2 new.vhdx
usage_error convert

# One that is in use.
qemu_holds qcow2 disk.qcow2 read
run 1 vu convert disk.qcow2 new.vhdx
one_sentence convert
err_has "another program has the file open"
err_has "--no-lock"
run 0 vu convert --no-lock disk.qcow2 new.vhdx
qemu_lets_go
rm new.vhdx
absent new.vhdx
clean
