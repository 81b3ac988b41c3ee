#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A parent elsewhere is refused until its place is allowed.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
mkdir store images
for f in vhd vhdx; do
	run 0 vu convert disk.raw store/base.$f
	run 0 vu create --parent store/base.$f images/child.$f
	run 1 vu convert images/child.$f out.raw
	out_empty
	one_sentence convert
	err_has "base.$f"
	err_has "hint: allow that place with --parent-dir DIR"
	absent out.raw
	run 0 vu info images/child.$f
	err_has "warning:"
	run 0 vu convert --parent-dir store images/child.$f out.raw
	starts_with out.raw disk.raw
	rm out.raw
	run 0 vu convert --parent-dir images --parent-dir "$PWD/store" \
		images/child.$f out.raw
	rm out.raw
	run 0 vu convert --any-parent-dir images/child.$f out.raw
	rm out.raw
	run 0 vu convert --parent store/base.$f images/child.$f out.raw
	rm out.raw
	run 1 vu convert --parent-dir images images/child.$f out.raw
	one_sentence convert
	absent out.raw
done
# A link out of the directory is no way around.
run 0 vu create --parent store/base.vhdx --parent-name base.vhdx \
	images/sly.vhdx
ln -s ../store/base.vhdx images/base.vhdx
run 1 vu convert images/sly.vhdx out.raw
one_sentence convert
absent out.raw
run 0 vu convert --parent-dir store images/sly.vhdx out.raw
