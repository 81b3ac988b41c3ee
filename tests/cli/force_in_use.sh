#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A file that another program writes to, or reads, is not replaced, by whatever it
# is made.
. "$(dirname "$0")/functions.sh"

requires python3 timeout
raw_disk disk.raw
run 0 vu convert disk.raw a.vhdx
cp a.vhdx r.vhdx
# Its other end is ours from the start: whoever opens it does not wait, and what
# holds the files goes when we do, however that is.
mkfifo end
exec 3<>end
holder=
held_cleanup() {
	[ -z "$holder" ] || kill "$holder" 2>/dev/null || true
	cleanup
}
trap held_cleanup EXIT
# As QEMU does it: who writes has the byte 101, and is not refused by readers; who
# reads has the byte 100.
timeout 500 python3 - <<'END' 3<&- &
import fcntl, struct
held = []
for first, byte in (("a", 101), ("r", 100)):
    for kind in ("vhd", "vhdx", "raw", "vhdx.gz", "qcow2", "bin"):
        held.append(open(first + "." + kind, "a+b"))
        lock = struct.pack("hhqqi", fcntl.F_RDLCK, 0, byte, 1, 0)
        fcntl.fcntl(held[-1], 37, lock)    # F_OFD_SETLK
end = open("end")
open("ready", "w").close()
end.read()
END
holder=$!
while [ ! -e ready ]; do
	kill -0 "$holder" 2>/dev/null || fail "nothing holds the files"
	sleep 0.02
done
cp a.vhdx keep.vhdx

# refused ARG...
refused() {
	run 1 vu "$@"
	one_sentence "$1"
	err_has "another program has the target open"
	err_has "hint: stop the program that uses it"
}
for name in a r; do
	for target in $name.vhd $name.vhdx $name.raw $name.vhdx.gz; do
		refused convert --force disk.raw "$target"
	done
	refused convert --force --compress -O vhd disk.raw $name.bin
	refused read --force --output $name.bin keep.vhdx
	refused digest --force --manifest $name.bin keep.vhdx
done
if command -v qemu-nbd >/dev/null 2>&1 &&
	vu convert disk.raw try.qcow2 2>/dev/null; then
	for name in a r; do
		refused convert --force disk.raw $name.qcow2
		refused convert --force --orphan -O qcow2 disk.raw $name.vhdx
	done
	rm try.qcow2
fi
for name in a r; do
	same $name.vhdx keep.vhdx
	for kind in vhd raw vhdx.gz qcow2 bin; do
		[ ! -s $name.$kind ] || fail "$name.$kind was written to"
	done
done
exec 3<&-
wait "$holder" || fail "what held the files did not last"
holder=
run 0 vu convert --force disk.raw a.vhdx.gz
run 0 vu convert --force disk.raw a.vhdx
# One that may be replaced but not written to.
chmod 444 a.vhdx.gz
run 0 vu convert --force disk.raw a.vhdx.gz
only a.bin a.qcow2 a.raw a.vhd a.vhdx a.vhdx.gz disk.raw end keep.vhdx \
	r.bin r.qcow2 r.raw r.vhd r.vhdx r.vhdx.gz ready
