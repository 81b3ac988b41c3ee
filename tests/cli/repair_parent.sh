#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A child whose parent is not where it should be: the plan offers to record it
# anew, and after a repair check and repair are of one mind.
. "$(dirname "$0")/functions.sh"

# agree STATUS IMAGE OPTION...: that is what both of them say
agree() {
	status=$1 image=$2
	shift 2
	run "$status" vu check --quiet "$@" "$image"
	run "$status" vu repair "$@" "$image"
}

for f in vhd vhdx; do
	case $f in
	vhd) rule=VHD1_PARENT ;;
	*) rule=VHDX_PARENT ;;
	esac
	run 0 vu create --size 16M p.$f
	run 0 vu create --parent p.$f c.$f
	agree 0 c.$f
	mkdir -p sub far
	mv p.$f sub/q.$f

	agree 3 c.$f
	out_has "this could be done too, if you allow it:"
	out_has "the parent is recorded anew, once it is named"
	out_has "allow with: --allow ${rule}_MISSING --parent FILE"
	run 3 vu repair --repair --allow ${rule}_MISSING c.$f
	absent c.$f.undo
	run 3 vu repair --parent sub/q.$f c.$f
	out_has "allow with: --allow ${rule}_MISSING"
	run 0 vu repair --repair --allow ${rule}_MISSING --parent sub/q.$f c.$f
	out_has 'is recorded as the parent'
	agree 0 c.$f
	run 0 vu repair --undo c.$f.undo

	: >p.$f
	agree 3 c.$f
	out_has "p.$f is no parent: the file is empty"
	out_has "--allow ${rule}_MISSING --parent FILE"
	rm p.$f
	run 0 vu create --size 16M p.$f
	agree 3 c.$f
	out_has "--allow ${rule}_ID --parent FILE"

	# The image itself lies where its parent should.
	rm p.$f
	cp c.$f self.$f
	ln self.$f p.$f
	agree 3 self.$f
	run 3 vu repair --repair self.$f
	rm p.$f

	mv sub/q.$f far/p.$f
	agree 3 c.$f
	agree 0 c.$f --parent-dir far
done
out_has 'it was found as "'
out_has "--allow VHDX_PATH_STALE --parent FILE"

# No image, but known to be none.
head -c 3000 /dev/zero >disk.vhds
agree 3 disk.vhds
out_has "this is a VHD Set"
out_has "nothing can be mended"
run 3 vu repair --repair disk.vhds
absent disk.vhds.undo
