#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A layer that was merged has the identity of the image that took its place: it
# is nobody's parent any more.
. "$(dirname "$0")/functions.sh"

noise 300000 >data

# shows IMAGE
shows() {
	run 0 vu read --force --output back --any-parent-dir "$1"
	same back want
	run 0 vu check --quiet --chain --any-parent-dir "$1"
}

for f in vhd vhdx; do
	# Both lie there, and the ancestor has another name now.
	mkdir $f && cd $f
	run 0 vu create --size 16M a.$f
	run 0 vu snapshot a.$f m.$f
	run 0 vu write m.$f ../data
	run 0 vu snapshot m.$f t.$f
	run 0 vu write --offset 2M t.$f ../data
	run 0 vu merge --into a.$f t.$f
	run 0 vu snapshot a.$f c.$f
	run 0 vu write --offset 4M c.$f ../data
	run 0 vu read --output want c.$f
	mv a.$f b.$f
	run 0 vu relink c.$f
	shows c.$f

	# A child elsewhere was not found by the merge, and records the spent one.
	mkdir other
	run 0 vu snapshot c.$f other/d.$f
	run 0 vu merge --into b.$f c.$f
	run 0 vu relink --search . other/d.$f
	out_has "c.$f: is passed over"
	shows other/d.$f
	rm want back

	# Two that are whole: only one can be meant.
	cp b.$f copy.$f
	mv b.$f other.$f
	run 1 vu relink --search . other/d.$f
	err_has "2 files have the identity"
	rm copy.$f

	# The folder of the named image counts for those below it, too.
	mkdir low
	run 0 vu create --size 16M low/x.$f
	run 0 vu snapshot low/x.$f low/y.$f
	run 0 vu snapshot low/y.$f z.$f --parent-dir low
	mv low/x.$f moved.$f
	run 0 vu relink z.$f
	run 0 vu check --quiet --chain --any-parent-dir z.$f
	cd ..
done
