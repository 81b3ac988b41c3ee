#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# QEMU replays the log of a writer that was killed, and comes to the same disk as
# we do: reading with the log in memory, and writing with the log in the file.
. "$(dirname "$0")/../cli/functions.sh"

: "${KILL_WRITER:?is not set}"
requires qemu-img python3
support=$(cd "$(dirname "$0")/../support" && pwd)

# Prints which half of the log the entries lie in that count, or "none".
cat >half.py <<'P'
import struct
import sys

with open(sys.argv[1], "rb") as f:
    headers = [f.seek(off) and f.read(80) for off in (65536, 131072)]
    headers = [h for h in headers if h[:4] == b"head"]
    best = max(headers, key=lambda h: struct.unpack_from("<Q", h, 8)[0])
    guid = best[48:64]
    length, start = struct.unpack_from("<IQ", best, 68)
    halves = set()
    for off in range(0, length, 4096):
        f.seek(start + off)
        entry = f.read(64)
        if entry[:4] == b"loge" and entry[32:48] == guid:
            halves.add("first" if off < length // 2 else "second")
    if guid == bytes(16):
        halves.clear()
    print(" ".join(sorted(halves)) or "none")
P

# The same bytes; what is a hole in both files is not read.
cat >same.py <<'P'
import os
import sys

sys.path.insert(1, sys.argv[1])
from harness import same_content

a, b = sys.argv[2:]
where = same_content(a, b)
if where is not None or os.path.getsize(a) != os.path.getsize(b):
    sys.exit(f"{a} and {b} differ at {where}")
P
alike() {
	run 0 python3 -B same.py "$support" "$1" "$2"
}

# dirty NAME SEED OPERATIONS FLUSH-EVERY
dirty() {
	name=$1
	run 0 "$KILL_WRITER" dirty "$name" "$2" "$3" "$4"
	python3 half.py "$name" >>halves
	cp "$name" keep
	run 0 vu info --json "$name"
	json_is 'd["image"]["log"]' replayed

	run 0 vu convert --format raw --no-sync "$name" ours.raw
	run 0 vu check --quiet "$name"
	alike "$name" keep

	run 0 qemu-img check -q -r all -f vhdx keep
	run 0 qemu-img convert -f vhdx -O raw keep qemu.raw
	alike qemu.raw ours.raw
	run 0 vu check --quiet keep

	# Opened for writing, and closed, without a change.
	cp "$name" again.vhdx
	: >nothing
	run 0 vu write again.vhdx nothing
	run 0 vu info --json again.vhdx
	json_is 'd["image"]["log"]' clean
	run 0 qemu-img check -q -f vhdx again.vhdx
	run 0 vu convert --force --format raw --no-sync again.vhdx qemu.raw
	alike qemu.raw ours.raw
	rm qemu.raw ours.raw keep again.vhdx
}

: >halves
seed=1
# rounds BLOCK SIZE OPERATIONS:FLUSH-EVERY...
rounds() {
	block=$1 size=$2
	shift 2
	for load; do
		run 0 vu create --force --block-size "$block" --size "$size" \
			a.vhdx
		dirty a.vhdx $seed "${load%:*}" "${load#*:}"
		seed=$((seed + 1))
	done
	# Killed, opened, and killed again: generations upon generations.
	run 0 vu create --force --block-size "$block" --size "$size" a.vhdx
	for more in 5 70 20; do
		dirty a.vhdx $seed $more 1
		seed=$((seed + 1))
	done
}
loads="1:1 130:1 400:2"
[ -z "${VHD_SOAK:-}" ] || loads="1:1 7:2 50:1 130:1 400:2"
# shellcheck disable=SC2086
rounds 1M 200M $loads
rounds 32M 3200M 1:1 130:1
sort halves | uniq -c
for half in first second; do
	grep -qx $half halves || fail "no log lay in the $half half"
done
! grep -q none halves || fail "a log was empty"
