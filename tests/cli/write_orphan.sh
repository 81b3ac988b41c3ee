#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Who writes to a parent spoils its children (VHD-D-5, VHDX-PAR-19): a child that
# lies beside it is named, and nothing is written.
. "$(dirname "$0")/functions.sh"

noise 5000 >data
for f in vhd vhdx; do
	run 0 vu create --size 16M p.$f
	run 0 vu write p.$f data
	sha256sum p.$f >sums
	run 0 vu create --parent p.$f one.$f
	for verb in "write p.$f data" "write --zero --length 1M p.$f" \
		"trim --length 2M p.$f" "bench --pattern write --count 1 --yes p.$f"; do
		# shellcheck disable=SC2086
		run 1 vu $verb
		one_sentence "${verb%% *}"
		err_has "is the parent of "
		err_has "one.$f"
	done
	run 0 vu create --parent p.$f two.$f
	run 1 vu write p.$f data
	err_has "the parent of 2 images"
	err_has "--orphan"
	run 0 sha256sum -c --quiet sums
	# A child may be written to, and so may who insists.
	run 0 vu write one.$f data
	run 0 vu write --offset 1M --orphan p.$f data
	run 0 vu trim --length 2M --orphan p.$f
	rm one.$f two.$f
	run 0 vu write p.$f data
done
