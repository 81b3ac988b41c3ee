#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A missing parent is an error with a hint; info shows the rest.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw base.$f
	run 0 vu create --parent base.$f child.$f
	run 0 vu convert child.$f -
	starts_with "$out" disk.raw
	mv base.$f moved.$f
	for cmd in "map child.$f" "convert child.$f out.raw"; do
		# shellcheck disable=SC2086
		run 1 vu $cmd
		out_empty
		one_sentence "${cmd%% *}"
		err_has "base.$f"
		err_has "hint: name the parent with --parent FILE"
		absent out.raw
	done
	run 0 vu info child.$f
	err_has "warning:"
	err_has "base.$f"
	out_has "differencing"
	out_has "a parent that could not be used"
	run 3 vu check --chain child.$f
	out_has "PARENT_MISSING"
	# Naming it helps.
	run 0 vu convert --parent moved.$f child.$f out.raw
	starts_with out.raw disk.raw
	rm out.raw
	mkdir dir
	mv moved.$f dir/base.$f
	run 0 vu info --parent dir/base.$f child.$f
	err_empty
	rm -r dir
done
