#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# revert: resizes of ours that were stopped, and resizes of the original tool, whose
# journals and half done images are made by oldxen.py from the description alone;
# journals that are none, and what becomes of the image then.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"
requires python3
here=$(dirname "$self")
old() { python3 -B "$here/oldxen.py" "$@"; }
stages="BEGIN DATA_MOVED METADATA_MOVED END"
# With this environment, and nothing else of it afterwards.
stopped() {
	run 22 env "VHD_UTIL_TEST_FAIL_RESIZE_$1=x" "$VHD_UTIL" resize \
		-n "$2" -s "$3" -j "$4"
	expect_out "Failing at VHD_UTIL_TEST_FAIL_RESIZE_$1\n"
}
back() {
	run 0 vu revert --debug -n "$1" -j "$2"
	expect_silent
	same_file "$1" "$3"
	[ ! -e "$2" ] || fail "the journal is still there"
}
# What lies between structures and blocks is nobody's, and not noted by everybody.
alike() {
	run 0 vu revert --debug -n "$1" -j "$2"
	expect_silent
	[ ! -e "$2" ] || fail "the journal is still there"
	old sound "$1" "end=$(bytes_of "$3")"
	old facts "$1" >f1
	old facts "$3" >f2
	same_file f1 f2
	same "$(old content "$1")" "$(old content "$3")"
}
refused() {
	sum=$(sum "$1")
	jsum=$(sum "$2")
	run 22 vu revert -n "$1" -j "$2"
	expect_out 'opening journal failed: -22\n'
	same "$(sum "$1")" "$sum"
	same "$(sum "$2")" "$jsum"
}

# Wrong use.
old make a.vhd 16 blocks=0,5,7 full=0
cp a.vhd kept
for line in '' '-n a.vhd' '-j j' '-n a.vhd -j j stray' '-n a.vhd -j j -x' -h; do
	# shellcheck disable=SC2086
	run 22 vu revert $line
done
run 2 vu revert -n a.vhd -j j
expect_out 'opening journal failed: -2\n'
run 2 vu revert -n none.vhd -j j
expect_out 'opening journal failed: -2\n'
same_file a.vhd kept

# Ours, stopped everywhere; nobody uses the image meanwhile.
for how in 'blocks=0,5,7 full=0' 'locators=1' 'blocks=3,2 locators=1' \
		'blocks=4,0,1,2,3 full=1 tail=12582912'; do
	sizes=512
	[ "$how" != 'blocks=3,2 locators=1' ] || sizes='17 8194'
	# shellcheck disable=SC2086
	old make i.vhd 16 $how
	cp i.vhd before
	for mib in $sizes; do
		for stage in $stages; do
			stopped "$stage" i.vhd "$mib" j
			if [ "$stage" != END ]; then
				same "$(hex i.vhd 0 8)" 765f706f69736f6e
				run 22 vu resize -n i.vhd -s 32 -f
				expect_out 'error opening i.vhd: -22\n'
				run 22 vu set -n i.vhd -f hidden -v 1
				run 0 vu query -n i.vhd -v
			else
				old sound i.vhd
			fi
			# The journal is in the way of the next one.
			[ "$stage" != END ] || {
				run 17 vu resize -n i.vhd -s 9000 -j j
				expect_out 'creating journal failed: -17\n'
			}
			case $how in
			*tail=*)
				alike i.vhd j before
				cp before i.vhd
				;;
			*) back i.vhd j before ;;
			esac
		done
	done
done

# The largest journal fits the 6 MiB that there are for it.
old make i.vhd 16 blocks=4,0,1,2,3,7 full=1 locators=1
cp i.vhd before
stopped METADATA_MOVED i.vhd 2097152 j
[ "$(bytes_of j)" -lt 6291456 ] || fail "the journal has $(bytes_of j) bytes"
old notes j >listed
back i.vhd j before
old make i.vhd 1048576 blocks=4,0,1,2,3,7 full=1 locators=1
cp i.vhd before
stopped METADATA_MOVED i.vhd 2097152 j
[ "$(bytes_of j)" -lt 6291456 ] || fail "the journal has $(bytes_of j) bytes"
back i.vhd j before

# The journals of the original: whole blocks, cleared where they were, no footer
# at the end in between; the end of the journal in either order.
for how in 'blocks=0,5,7 full=0' '' 'blocks=3,2 locators=1'; do
	# shellcheck disable=SC2086
	old make before 16 $how
	for stage in poisoned:big moved:little half:big done:little; do
		cp before i.vhd
		old journal i.vhd j 512 "eof=${stage#*:}"
		old interrupt i.vhd "${stage%:*}" 512
		alike i.vhd j before
	done
done
# Nothing was changed yet.
cp kept a.vhd
old journal a.vhd j 512
back a.vhd j kept

# A resize that was over: the journal is empty, and the image whole.
cp kept a.vhd
stopped END a.vhd 512 j
poke j 32 0000000000000000
cp a.vhd whole
back a.vhd j whole
# Even if its footers are still marked; but not if something is wrong with it.
old make i.vhd 16 blocks=0,5
cp i.vhd before
old journal i.vhd j 512
poke j 32 0000000000000000
cp j committed
old interrupt i.vhd poisoned 512
back i.vhd j before
cp committed j
old interrupt i.vhd half 512
refused i.vhd j
rm j

# What is no journal of this image, or not a whole one.
cp kept a.vhd
stopped METADATA_MOVED a.vhd 512 j
cp j good
cp a.vhd half
: >j
refused a.vhd j
head -c 600 /dev/zero >j
refused a.vhd j
cp a.vhd j
refused a.vhd j
len=$(bytes_of good)
for cut in 300 512 540 1000 2000 $((len - 512)) $((len - 1)); do
	head -c "$cut" good >j
	refused a.vhd j
done
# Another image's; a wrong mark, kind, length, place; the content, the checksum;
# counts, where notes begin, where the footer was.
for what in '8 ff' '512 ab' '520 00000008' '524 00000201' '524 00000000' \
		'524 7ffffe00' '528 7fffffffffffff00' '536 00000000' \
		"$((len - 1)) 77" '32 00000000' '32 00000002' '36 00000005' \
		'36 00000001' '36 ffffffff' '56 0000000000000000' \
		'40 0000000000000000' '40 7fffffffffffffff' \
		'48 0000000000000400' '24 0000000000000100' \
		'24 00000000000fffff' '24 ffffffffffffffff'; do
	cp good j
	# shellcheck disable=SC2086
	poke j $what
	refused a.vhd j
done
# Without a footer to put back it would stay marked for ever.
python3 -c 'import sys
d = bytearray(open("good", "rb").read())
d[36:40] = (d[39] - 2).to_bytes(4, "big")
d[48:56] = (512 + 2 * 544).to_bytes(8, "big")
open("j", "wb").write(d)'
refused a.vhd j
# An image that lost its end.
cp good j
truncate -s 6000000 a.vhd
refused a.vhd j
# One whose id is another.
old make other.vhd 16 blocks=0,5,7 full=0
sum=$(sum other.vhd)
run 22 vu revert -n other.vhd -j j
head -c 100000 /dev/zero >no.vhd
run 22 vu revert -n no.vhd -j j
# A directory, a device that is none.
run 22 vu revert -n half -j .
run 22 vu revert -n half -j /dev/null
same_file good j
cp half a.vhd
back a.vhd j kept

# Cut off while it reverts, at any moment: again, and it is done.  Each state is
# one that some order of its writes can leave; all of them are in crash/journal.
cp half a.vhd
cp good j
for part in 1 2 3; do
	cp half a.vhd
	# Some of the bytes are back already.
	dd if=kept of=a.vhd bs=512 skip=$part seek=$part count=$((part * 3)) \
		conv=notrunc 2>/dev/null
	cp good j
	back a.vhd j kept
done
dd if=kept of=a.vhd bs=512 skip=1 seek=1 count=4000 conv=notrunc 2>/dev/null
head -c 512 kept | dd of=a.vhd conv=notrunc 2>/dev/null
cp good j
back a.vhd j kept

# Killed anywhere: a resize by revert, a revert by itself.
cat >kill.py <<'EOF'
import os, random, signal, subprocess, sys, time
prog, rounds, seed = sys.argv[1], int(sys.argv[2]), 20261123
rng = random.Random(seed)
kept = open("kept", "rb").read()
took = 0.02
kills = 0
def go(*args, wait):
    p = subprocess.Popen([prog, *args], stdout=subprocess.DEVNULL)
    try:
        return p.wait(wait)
    except subprocess.TimeoutExpired:
        p.send_signal(signal.SIGKILL)
        p.wait()
        return None
for i in range(rounds):
    if os.path.exists("j"):
        os.unlink("j")
    open("k.vhd", "wb").write(kept)
    t = time.monotonic()
    rc = go("resize", "-n", "k.vhd", "-s", "8194", "-j", "j",
            wait=took * rng.random())
    if rc is not None:
        assert rc == 0, rc
        took = max(time.monotonic() - t, 0.002)
        continue
    kills += 1
    # Again and again, until one gets through.
    for tries in range(50):
        if not os.path.exists("j"):
            break
        rc = go("revert", "-n", "k.vhd", "-j", "j",
                wait=took * rng.random() if tries < 4 else 60)
        assert rc in (0, None), rc
    assert not os.path.exists("j")
    now = open("k.vhd", "rb").read()
    grown = now[48:56] == (8194 << 20).to_bytes(8, "big")
    assert now == kept or grown, "round %d: neither old nor new" % i
    if grown:
        subprocess.run([prog, "check", "-n", "k.vhd"], check=True,
                       stdout=subprocess.DEVNULL)
left = [n for n in os.listdir(".") if n.startswith(".vhd-")]
print(kills, "kills")
# Where files without a name cannot be had, a killed one leaves its own.
for n in left:
    os.unlink(n)
EOF
kills=15
[ -z "${VHD_SOAK:-}" ] || kills=40
timeout 200 python3 kill.py "$VHD_UTIL" $kills

# No space: everything is as it was, and there is no journal.
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	cat >full.sh <<'EOF'
set -eu
mkdir small
mount -t tmpfs -o size=9m tmpfs small
for left in 0 20 200 2000 4400 6400; do
	cp a.vhd small/i.vhd
	rm -f small/fill
	room=$(df -k --output=avail small | tail -n 1)
	[ "$room" -le "$left" ] || head -c $(((room - left) * 1024)) /dev/zero \
		>small/fill
	status=0
	"$VHD_UTIL" resize -n small/i.vhd -s 1048576 -j small/j >out ||
		status=$?
	[ ! -e small/j ]
	if [ $status -eq 0 ]; then
		"$VHD_UTIL" check -n small/i.vhd
		continue
	fi
	cat out
	[ $status -eq 28 ]
	cmp small/i.vhd a.vhd
done
EOF
	old make a.vhd 16 blocks=1,2
	timeout 120 unshare -m sh full.sh >said || {
		cat said
		fail "a full file system"
	}
	grep -qx 'creating journal failed: -28' said || fail "journal: no space"
	grep -qx 'resize failed: -28' said || fail "image: no space"
fi
