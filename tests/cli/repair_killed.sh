#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A repair that is killed can be taken back, and can be done again.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

overlapping_vhd a.vhd 120
cp a.vhd damaged
run 0 vu convert --format raw a.vhd disk.raw
middle=0
for delay in 0.005 0.01 0.02 0.03 0.05 0.08 0.12 0.2 0.4; do
	cp damaged a.vhd
	rm -f a.vhd.undo
	# Not with timeout(1): it may end before what it killed is gone.
	"$VHD_UTIL" repair --repair --allow all a.vhd >/dev/null 2>&1 &
	sleep $delay
	kill -KILL $! 2>/dev/null || true
	wait $! 2>/dev/null || true
	if [ ! -e a.vhd.undo ]; then
		same a.vhd damaged
		continue
	fi
	cmp -s a.vhd damaged || middle=$((middle + 1))
	cp a.vhd stopped
	# Again, instead: sound, and the guest sees what it saw.
	run 0 vu repair --repair --allow all --undo-file again.undo a.vhd
	run 0 vu check a.vhd
	run 0 vu convert --format raw a.vhd back.raw
	same back.raw disk.raw
	rm -f again.undo back.raw
	# Taken back.
	cp stopped a.vhd
	run 0 vu repair --undo a.vhd.undo
	same a.vhd damaged
done

# Killed when all is written but the end of the undo file: the image is sound,
# and used on.  It is said, and what was written since is not thrown away.
end_of_undo() {
	overlapping_vhd b.vhd 5
	cp b.vhd damaged
	flush=0
	found=no
	while [ $flush -lt 60 ]; do
		flush=$((flush + 1))
		cp damaged b.vhd
		rm -f b.vhd.undo
		strace -o trace -E ASAN_OPTIONS=detect_leaks=0 -e trace=fdatasync \
			-e inject=fdatasync:signal=KILL:when=$flush \
			"$VHD_UTIL" repair --repair --allow all b.vhd \
			>/dev/null 2>&1 && break
		vu repair b.vhd >plan 2>hint </dev/null || continue
		grep -q "is of a repair that was interrupted" hint || continue
		cp b.vhd last.vhd
		cp b.vhd.undo last.undo
		found=yes
	done
	[ $found = yes ] || fail "no cut leaves a sound image and no end"
	cp last.vhd b.vhd
	cp last.undo b.vhd.undo
	run 0 vu repair b.vhd
	err_has "vhd-util repair --undo b.vhd.undo b.vhd"
	# Where the repair has put something, or made the file longer.
	for place in 1048576 0; do
		cp last.vhd b.vhd
		echo since | patch b.vhd $(($(wc -c <b.vhd) - place))
		cp b.vhd used
		run 1 vu repair --undo b.vhd.undo
		err_has "not as the repair has left it"
		err_has "--force"
		same b.vhd used
	done
	cp last.vhd b.vhd
	run 0 vu repair --undo b.vhd.undo
	same b.vhd damaged
	run 3 vu repair b.vhd
	err_empty
}
if strace -o trace -e trace=fdatasync true 2>/dev/null; then
	end_of_undo
else
	echo "strace is absent, or may not trace: nothing was killed at the end"
fi
echo "killed after it had begun to write: $middle times"
