#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A parent that is another image is refused unless told otherwise.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw base.$f
	run 0 vu create --parent base.$f child.$f
	run 0 vu convert --force --orphan disk.raw base.$f
	run 1 vu convert child.$f out.raw
	one_sentence convert
	err_has "base.$f"
	err_has "--ignore-parent-id"
	absent out.raw
	run 0 vu info child.$f
	err_has "warning:"
	run 3 vu check --chain child.$f
	out_has "PARENT_ID"
	# Naming it does not make it the right one.
	run 1 vu convert --parent base.$f child.$f out.raw
	run 0 vu convert --ignore-parent-id child.$f out.raw
	starts_with out.raw disk.raw
	rm out.raw
done
