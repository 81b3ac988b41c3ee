#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every format that comes through a pipe or from gzip becomes every other one.
#
# shellcheck disable=SC2002
# A file at standard input would be opened as one.
. "$(dirname "$0")/functions.sh"

requires python3 gzip timeout
# What waits for more than there is must not wait for ever.
vu() {
	timeout 100 "$VHD_UTIL" "$@"
}
scattered() {
	python3 - "$1" "$2" <<'PY'
import random, sys
r = random.Random(7)
size = int(sys.argv[2]) << 20
with open(sys.argv[1], "wb") as f:
    f.truncate(size)
    for i in range(25):
        f.seek(r.randrange(0, size - (1 << 20)))
        f.write(r.randbytes(r.randrange(1, 400000)))
    f.seek(size - 700)
    f.write(r.randbytes(700))
PY
}
scattered disk.raw 40
run 0 vu convert disk.raw dynamic.vhd
run 0 vu convert disk.raw dynamic.vhdx
run 0 vu convert --for xen disk.raw xen.vhd
run 0 vu convert --block-size 1M disk.raw small.vhdx
run 0 vu convert --type fixed disk.raw fixed.vhd
run 0 vu convert --type fixed disk.raw fixed.vhdx

# through SOURCE COMMAND...: what COMMAND makes of SOURCE in its pipe
through() {
	last=$*
	got=0
	cat "$1" | {
		shift
		"$@"
	} >"$out" 2>"$err" || got=$?
	[ "$got" -eq 0 ] || fail "exit status $got, not 0"
}
same_disk() {
	run 0 vu compare --json disk.raw "$1"
	rm "$1"
}

for src in dynamic.vhd xen.vhd; do
	through $src vu convert --no-spool /dev/stdin o.raw
	silent
	same_disk o.raw
done
for src in dynamic.vhd dynamic.vhdx xen.vhd small.vhdx fixed.vhdx; do
	for dst in o.raw o.vhd o.vhdx; do
		through $src vu convert --no-spool - $dst
		silent
		same_disk $dst
	done
	through $src vu convert --no-spool --type fixed - o.vhd
	same_disk o.vhd
	through $src vu convert --no-spool - -
	same "$out" disk.raw
done
# Their size is known at their end only.
for src in fixed.vhd disk.raw; do
	for dst in o.raw o.vhd o.vhdx; do
		through $src vu convert - $dst
		err_has "its size is not known"
		same_disk $dst
		through $src vu convert --no-spool --size 40M - $dst
		silent
		same_disk $dst
	done
	through $src vu convert - -
	same "$out" disk.raw
done
for src in dynamic.vhd dynamic.vhdx fixed.vhdx fixed.vhd disk.raw; do
	gzip -1 -k $src
	for dst in o.raw o.vhd o.vhdx; do
		run 0 vu convert $src.gz $dst
		same_disk $dst
	done
	# The name says nothing.
	mv $src.gz packed
	through packed vu convert - o.vhdx
	same_disk o.vhdx
	rm packed
done

# Members one behind the other, zeros, and something else behind them.
head -c 1000000 dynamic.vhd | gzip -1 >many.gz
tail -c +1000001 dynamic.vhd | gzip -1 >>many.gz
head -c 5000 /dev/zero >>many.gz
through many.gz vu convert --no-spool - o.raw
silent
same_disk o.raw
echo something else >>many.gz
run 0 vu convert many.gz o.raw
err_has "many.gz: what follows the gzip data is no gzip and was left out"
same_disk o.raw
# Whoever says what the bytes are means these.
run 0 vu convert --source-format raw many.gz o.raw
same_disk o.raw
cp many.gz many
run 0 vu convert --source-format raw many o.raw
starts_with o.raw many
rm o.raw many many.gz

# What we write as a stream we read as one, and so on.
for format in raw vhd vhdx; do
	run 0 vu convert -O $format disk.raw -
	mv "$out" stream
	through stream vu convert --size 40M - o.vhdx
	same_disk o.vhdx
	gzip -1 stream
	run 0 vu convert -O $format stream.gz o.$format.gz
	run 0 vu convert o.$format.gz o.vhd
	same_disk o.vhd
	rm stream.gz o.$format.gz
done

# A raw disk that ends too early is told of.
head -c 20000000 disk.raw >short
through short vu convert --json --size 40M - o.vhdx
err_has "ended $((41943040 - 20000000)) bytes before"
out_has "\"missing_bytes\": $((41943040 - 20000000))"
rm short

# A stream in, a stream out, of another format.
for src in dynamic.vhd dynamic.vhdx; do
	for format in vhd vhdx; do
		through $src vu convert --no-spool -O $format - -
		mv "$out" o.$format
		run 0 vu check o.$format
		same_disk o.$format
	done
done

# Disks without a byte of data.
for format in vhd vhdx; do
	run 0 vu create --size 3G empty.$format
	for dst in o.raw o.vhd o.vhdx; do
		through empty.$format vu convert --no-spool - $dst
		run 0 vu compare empty.$format $dst
		rm $dst
	done
	rm empty.$format
done

# Standard input that is a file is opened as one: it may be read in any order.
last="convert - o.vhdx <fixed.vhd"
vu convert --no-spool - o.vhdx <fixed.vhd >"$out" 2>"$err" || fail "status $?"
same_disk o.vhdx
only disk.raw dynamic.vhd dynamic.vhdx xen.vhd small.vhdx fixed.vhd fixed.vhdx
