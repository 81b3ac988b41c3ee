#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is written into a disk of any kind is read back, and nothing else changes.
. "$(dirname "$0")/functions.sh"

images 40
noise 1 >one
noise 511 >odd
noise 100000 >middle
noise 5000000 >large
for f in $images; do
	model "$f"
	put "$f" 0 one
	put "$f" 12345 odd
	# Over the border of blocks of 1 and 2 MiB, and again inside.
	put "$f" $((2 * 1024 * 1024 - 777)) middle
	put "$f" $((2 * 1024 * 1024 - 99)) odd
	put "$f" $((9 * 1024 * 1024 + 512)) large
	put "$f" $((40 * 1024 * 1024 - 511)) odd
	agrees "$f"
	rm "$model"
done
