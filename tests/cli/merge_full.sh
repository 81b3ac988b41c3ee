#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A merge that runs out of space loses nothing, and goes on when there is room.
. "$(dirname "$0")/functions.sh"

yes "some bytes that are not zeros" | head -c 150M >data
for f in vhd vhdx; do
	rm -f ./*."$f" ./*.a"$f"
	run 0 vu create --size 1G --block-size 2M base."$f"
	run 0 vu snapshot base."$f" one.a"$f"
	run 0 vu write --offset 12345 one.a"$f" data
	run 0 vu snapshot one.a"$f" two.a"$f"
	run 0 vu write --offset 1M --length 5M two.a"$f" data
	run 0 vu convert two.a"$f" want.raw --force
	# In blocks of 512 or of 1024 bytes: less than it takes.
	run 1 sh -c "trap '' XFSZ; ulimit -f 131072; exec \"\$@\"" sh \
		"$VHD_UTIL" merge --into base."$f" two.a"$f"
	one_sentence merge
	err_has "make room"
	run 0 vu convert two.a"$f" got.raw --force
	same got.raw want.raw
	run 0 vu check --chain two.a"$f"
	run 0 vu merge --into base."$f" --delete two.a"$f"
	run 0 vu convert base."$f" got.raw --force
	same got.raw want.raw
	run 0 vu check base."$f"
	absent one.a"$f" two.a"$f" base."$f".merge
done
