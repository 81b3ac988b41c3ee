#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What stops a repair stops it before anything is written.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

damaged_vhd a.vhd
state a.vhd >before
unchanged() {
	state a.vhd >after
	same before after
}

# An undo file that is there already.
echo mine >a.vhd.undo
run 1 vu repair --repair a.vhd
one_sentence repair
err_has "a.vhd.undo"
err_has "hint: "
[ "$(cat a.vhd.undo)" = mine ] || fail "the undo file was changed"
rm a.vhd.undo
unchanged

# Nowhere to put it.
run 1 vu repair --repair --undo-file no/such/u a.vhd
one_sentence repair
unchanged

# A block that the disk does not have.
vu create --size 64M drop.vhdx
run 1 vu repair --drop-block 9999 drop.vhdx
one_sentence repair
err_has "there is no block 9999"
run 1 vu repair --drop-block 9999 a.vhd
err_has "there is no block 9999"
unchanged

# Words that mean nothing.
run 1 vu repair --allow NO_SUCH_RULE a.vhd
one_sentence repair
err_has 'there is no rule "NO_SUCH_RULE"'
run 1 vu repair --allow VHD1_BLOCK_OVERLAP=third a.vhd
err_has "copy first second"
run 1 vu repair --allow VHD1_SPLIT a.vhd
err_has "nothing can be done about VHD1_SPLIT"
run 1 vu repair --allow VHD1_FOOTER_MISSING=first a.vhd
err_has "only one way"
run 2 vu repair --allow , a.vhd
usage_error repair
run 2 vu repair --drop-block -1 a.vhd
run 2 vu repair --drop-block 1x a.vhd
run 2 vu repair --plan --repair a.vhd
run 2 vu repair --repair --no-lock a.vhd
run 2 vu repair
run 2 vu repair --force a.vhd
run 2 vu repair --undo x --allow all a.vhd
run 1 vu repair --parent a.vhd --allow all a.vhd
err_has "cannot be its own parent"
run 1 vu repair --parent nothing.vhd a.vhd
run 1 vu repair missing.vhd
one_sentence repair
head -c 5000 /dev/zero >junk
run 1 vu repair junk
err_has "hint: if it was an image, say which"
unchanged
rm junk

# A file that may not be written.
if [ "$(id -u)" -ne 0 ]; then
	chmod a-w a.vhd
	run 1 vu repair --repair a.vhd
	one_sentence repair
	chmod u+w a.vhd
fi
absent a.vhd.undo
