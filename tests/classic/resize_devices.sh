#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# resize and revert where storage managers use them: image and journal are on block
# devices, which do not grow, are not removed, and hold something before and after.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"
requires python3 blockdev
here=$(dirname "$self")
old() { python3 -B "$here/oldxen.py" "$@"; }
fact() { old facts "$1" | sed -n "s/^$2=//p"; }

private_dev "$@"

size=16777216
truncate -s $size image
truncate -s 6291456 journal
loop_add image
image=$loop
loop_add journal
journal=$loop
stopped() {
	run 22 env "VHD_UTIL_TEST_FAIL_RESIZE_$1=" "$VHD_UTIL" resize \
		-n "$image" -s "$2" -j "$3"
	expect_out "Failing at VHD_UTIL_TEST_FAIL_RESIZE_$1\n"
}
fresh() {
	old make "$image" 16 tail=$size "$@"
	dd if="$image" of=before bs=1M 2>/dev/null
}
# What lies between the last block and the footer is nobody's.
same_image() {
	old sound "$image"
	same "$(fact "$image" bat)" "$(fact before bat)"
	same "$(fact "$image" size)" 16
	same "$(old content "$image")" "$(old content before)"
	cmp -n "$(fact before data_end)" "$image" before
}
# A header without notes, or none at all.
is_over() {
	[ -b "$journal" ] || fail "the device is gone"
	same "$(hex "$journal" 32 8)" 0000000000000000
}

# Garbage everywhere, and room for all.
head -c $size /dev/urandom >"$image"
head -c 6291456 /dev/urandom >"$journal"
fresh blocks=0,5,7 full=0
run 0 vu resize -n "$image" -s 512 -j "$journal"
expect_silent
old grew before "$image" 512
same "$(bytes_of "$image")" $size
is_over
run 0 vu check -n "$image"
run 0 vu query -n "$image" -vs
expect_out '512\n8405504\n'
# An older journal of the same image is on the device.
run 0 vu resize -n "$image" -s 9000 -j "$journal"
old sound "$image"
same "$(fact "$image" size)" 9000

# The largest growth there is, with its journal on a device of 6 MiB.
truncate -s 24M image2
loop_add image2
image2=$loop
old make "$image2" 16 tail=25165824 blocks=1,3,0,2 full=3 locators=1
dd if="$image2" of=before2 bs=1M 2>/dev/null
run 0 vu resize -n "$image2" -s 2097152 -j "$journal"
old grew before2 "$image2" 2097152

# Stopped everywhere, image and journal on devices or one of them in a file.
for j in "$journal" j; do
	for stage in BEGIN DATA_MOVED METADATA_MOVED END; do
		fresh blocks=3,1,2 full=1 locators=1
		stopped "$stage" 8194 "$j"
		run 0 vu revert -n "$image" -j "$j"
		expect_silent
		same_image
		[ ! -e j ] || fail "the journal is still there"
		[ "$j" = j ] || is_over
		# It has nothing to say any more.
		[ "$j" = j ] || run 0 vu revert -n "$image" -j "$j"
		same_image
	done
done
old make file.vhd 16 blocks=0,5,7 full=0
cp file.vhd before3
run 22 env VHD_UTIL_TEST_FAIL_RESIZE_METADATA_MOVED=1 "$VHD_UTIL" resize \
	-n file.vhd -s 512 -j "$journal"
run 22 vu revert -n "$image" -j "$journal"
expect_out 'opening journal failed: -22\n'
same_image
run 0 vu revert -n file.vhd -j "$journal"
same_file file.vhd before3

# The original's journals.
for stage in poisoned moved half "done"; do
	fresh blocks=0,3 full=0
	old journal "$image" "$journal" 512
	old interrupt "$image" "$stage" 512
	run 0 vu revert -n "$image" -j "$journal"
	old sound "$image"
	same "$(fact "$image" bat)" "$(fact before bat)"
	same "$(old content "$image")" "$(old content before)"
	is_over
done

# No room for the blocks that would move: nothing is touched, not even the
# journal.
fresh blocks=0,1,2,3,4,5,6
sum=$(sum "$journal")
run 28 vu resize -n "$image" -s 512 -j "$journal"
expect_out 'resize failed: -28\n'
cmp "$image" before
same "$(sum "$journal")" "$sum"
run 28 vu resize -n "$image" -s 512 -j j
[ ! -e j ] || fail "there is a journal"
fresh blocks=7
run 0 vu resize -n "$image" -s 256 -j "$journal"
old grew before "$image" 256
# Nor for the journal.
truncate -s 4096 tiny
loop_add tiny
fresh blocks=0,5
run 28 vu resize -n "$image" -s 512 -j "$loop"
expect_out 'creating journal failed: -28\n'
cmp "$image" before
# The image is not its own journal.
run 17 vu resize -n "$image" -s 512 -j "$image"
cmp "$image" before

# -f on a device, its footer in the last sector.
fresh room=2097152 blocks=0,5 full=0
run 0 vu resize -n "$image" -s 2097152 -f
old grew before "$image" 2097152
