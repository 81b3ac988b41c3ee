#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Memory does not grow with the disk, its table, or what is stored of it.
. "$(dirname "$0")/functions.sh"

requires python3 timeout
[ -r /proc/self/status ] || skip_host "there is no /proc"
[ -z "${VHD_SANITIZE:-}" ] || skip_host "sanitizers take memory of their own"

# peak MiB COMMAND...: fed from standard input, with no more memory than that
peak() {
	last=$*
	got=0
	timeout 500 python3 -c '
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"{kib} KiB at most", file=sys.stderr)
sys.exit(code or (9 if kib > int(sys.argv[1]) << 10 else 0))' "$@" \
		>"$out" 2>"$err" || got=$?
	[ "$got" -eq 0 ] || fail "exit status $got"
}

head -c 3000000 /dev/urandom >piece
# 64 TiB with a table of 64 MiB, and data at both ends.
run 0 vu create --block-size 8M --size 64T big.vhdx
run 0 vu write --offset 1M big.vhdx piece
run 0 vu write --offset 70368740000000 big.vhdx piece
"$VHD_UTIL" convert -O vhdx --block-size 8M big.vhdx - |
	peak 64 "$VHD_UTIL" convert --no-spool --block-size 8M - o.vhdx
run 0 vu compare big.vhdx o.vhdx
rm o.vhdx

# Stored, because its end is not known.
{
	cat piece
	head -c 1500M /dev/zero
	head -c 100M /dev/urandom
} | peak 64 "$VHD_UTIL" convert - o.vhdx
err_has "its size is not known"
[ $(($(stat -c '%b * %B' o.vhdx))) -lt $((120 << 20)) ] || fail "not sparse"
rm o.vhdx

# Packed a thousand times.
head -c 2G /dev/zero | gzip -1 >bomb.raw.gz
peak 64 "$VHD_UTIL" convert --size 2G bomb.raw.gz o.vhdx </dev/null
[ $(($(stat -c '%b * %B' o.vhdx))) -lt $((8 << 20)) ] || fail "not sparse"
