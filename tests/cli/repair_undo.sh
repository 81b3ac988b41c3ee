#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A repair leaves a sound image, and undoing it the bytes that were there.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

damaged_vhd a.vhd
damaged_vhdx a.vhdx
overlapping_vhd b.vhd 5
for image in a.vhd a.vhdx b.vhd; do
	cp $image damaged
	run 0 vu repair --repair --allow all $image
	err_empty
	out_has "$image: this was done:"
	out_has "undo: vhd-util repair --undo $image.undo $image"
	run 0 vu check $image
	out_lacks error
	cp $image mended
	# Nothing to do any more, and so no complaint about the undo file.
	state $image >before
	run 0 vu repair --repair $image
	state $image >after
	same before after

	run 0 vu repair --undo $image.undo
	same $image damaged
	run 0 vu repair --undo $image.undo
	same $image damaged
	cp mended $image
	run 0 vu repair --undo $image.undo $image
	same $image damaged

	# Changed since: only if it has to be.
	cp mended $image
	echo changed | patch $image 700
	cp $image changed
	run 1 vu repair --undo $image.undo
	one_sentence repair
	err_has "not as the repair has left it"
	err_has "--force"
	same $image changed
	run 0 vu repair --undo $image.undo --force
	mv damaged $image
	rm -f $image.undo mended changed
done

# Somewhere else, the image has to be named.
mkdir far
cp a.vhd damaged
run 0 vu repair --repair --undo-file far/u a.vhd
run 1 vu repair --undo far/u
err_has "has to be named"
run 0 vu repair --undo far/u a.vhd
same a.vhd damaged
# Both may be moved together.
run 0 vu repair --repair a.vhd
mkdir moved
mv a.vhd a.vhd.undo moved
run 0 vu repair --undo moved/a.vhd.undo
same moved/a.vhd damaged
# Rubbish is no undo file.
echo rubbish >rubbish
run 1 vu repair --undo rubbish moved/a.vhd
one_sentence repair
err_has "is no undo file"
# The image in its place.
run 1 vu repair --undo moved/a.vhd
one_sentence repair
err_has "is no undo file"
err_has "hint: what takes a repair back is the file that it wrote, IMAGE.undo"

# What was written into what the repair has moved is not thrown away.
overlapping_vhd c.vhd 5
cp c.vhd damaged
run 0 vu repair --repair --allow all c.vhd
echo since | patch c.vhd $(($(wc -c <c.vhd) - 1048576))
cp c.vhd changed
run 1 vu repair --undo c.vhd.undo
err_has "not as the repair has left it"
err_has "--force"
same c.vhd changed
run 0 vu repair --undo c.vhd.undo --force
rm -f c.vhd.undo

# The undo file tells what only those may read who may read the image.
cp damaged c.vhd
chmod 600 c.vhd
(umask 022 && run 0 vu repair --repair --allow all c.vhd)
ls -l c.vhd.undo >mode
grep -q '^-rw-------' mode || fail "others may read the undo file"
rm -f c.vhd.undo

# It is not made through a link.
cp damaged c.vhd
ln -s target c.vhd.undo
run 1 vu repair --repair --allow all c.vhd
one_sentence repair
same c.vhd damaged
[ ! -e target ] || fail "a file was made behind a link"
rm -f c.vhd.undo

# An undo file is good for no file but that with its name.
run 0 vu repair --repair --allow all c.vhd
mv c.vhd.undo victim.undo
echo "not yours" >victim
cp c.vhd mended
run 1 vu repair --undo victim.undo
err_has "has to be named"
same c.vhd mended
run 0 vu repair --undo victim.undo c.vhd
same c.vhd damaged
rm -f victim victim.undo
