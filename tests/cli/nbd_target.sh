#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A disk is written over what an NBD server has: all its bytes, zeros as well
# unless they are there already, and none behind its end.
. "$(dirname "$0")/nbd_functions.sh"

requires nbdkit qemu-img timeout
raw_disk disk.raw
truncate -s 40M disk.raw
run 0 vu convert disk.raw disk.vhd

# over NBDKIT-ARG...: onto a file full of noise
over() {
	noise 1000000 >some
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do
		cat some some
	done | head -c 44000000 >target
	cp target before
	serve "$@"
	run 0 vu convert disk.vhd "$uri"
	silent
	unserve
	cmp -n 41943040 target disk.raw || fail "other bytes"
	cmp -i 41943040 target before || fail "the rest has changed"
}

over file target
over --filter=multi-conn file target multi-conn-mode=disable
over --filter=nozero file target
over --no-sr file target
over --oldstyle file target
over --filter=fua file target fuamode=emulate
# 44000000 is no multiple of 4096.
truncate -s 41943040 target
serve --filter=blocksize-policy file target blocksize-minimum=4096 \
	blocksize-preferred=65536 blocksize-maximum=65536 \
	blocksize-error-policy=error
run 0 vu convert disk.vhd "$uri"
unserve
same target disk.raw

# A disk whose end is inside of a block of the server's.
head -c 1000001 disk.raw >odd.raw
head -c 1003520 before >odd.target
cp odd.target odd.before
serve --filter=blocksize-policy file odd.target blocksize-minimum=4096 \
	blocksize-preferred=65536 blocksize-maximum=65536 \
	blocksize-error-policy=error
run 0 vu convert odd.raw "$uri"
unserve
cmp -n 1000001 odd.target odd.raw || fail "other bytes"
cmp -i 1000001 odd.target odd.before || fail "the rest has changed"

# Where all is zeros, no zeros are sent.
serve --filter=log memory 40M logfile="$T/requests"
run 0 vu convert --json disk.vhd "$uri"
json_is 'd["target_size"]' 41943040
run 0 vu convert "$uri" back.raw
unserve
same back.raw disk.raw
! grep -q ' Zero ' "$T/requests" || fail "zeros were written"
# That it is durable was not asked for.
! grep -q ' Flush ' "$T/requests" || fail "it was flushed"
serve --filter=log memory 40M logfile="$T/requests"
run 0 vu convert --sync --verify disk.vhd "$uri"
unserve
grep -q ' Flush ' "$T/requests" || fail "it was not flushed"

# From one server to another.
rm -f back.raw
serve file disk.raw
from=$uri
mv "$T/sock" "$T/sock1"
first=$server
serve memory 40M
run 0 vu convert "nbd+unix:///?socket=$T/sock1" "$uri"
run 0 vu convert "$uri" back.raw
unserve
kill "$first"
same back.raw disk.raw
: "$from"

# What cannot be.
serve memory 39M
run 1 vu convert disk.vhd "$uri"
one_sentence convert
err_has "the server's disk has 39 MiB, 40 MiB are needed"
unserve
serve -r memory 40M
run 1 vu convert disk.vhd "$uri"
one_sentence convert
err_has "lets nobody write to this disk"
unserve
serve --filter=error memory 40M error-pwrite=ENOSPC error-pwrite-rate=100%
run 1 vu convert disk.vhd "$uri"
one_sentence convert
err_has "the NBD server has no space left; its disk is written in part"
unserve
run 2 vu convert --size 80M disk.vhd "$uri"
usage_error convert
run 2 vu convert --type fixed disk.vhd "$uri"
usage_error convert
err_has "--type is for VHD, VHDX and raw disks"
run 2 vu convert -O vhdx disk.vhd "$uri"
usage_error convert
run 2 vu convert --compress disk.vhd "$uri"
usage_error convert
clean
