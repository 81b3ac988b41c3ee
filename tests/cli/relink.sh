#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Parents that were moved or renamed are found by who they are.
. "$(dirname "$0")/functions.sh"

noise 300000 >a.bin

# shows IMAGE: sound with its whole chain, and the disk of before
shows() {
	run 0 vu check --quiet --chain "$@"
	run 0 vu read --force --output back "$@"
	same back disk.raw
}

for f in vhd vhdx; do
	mkdir "$f" && cd "$f"
	run 0 vu create --size 16M base.$f
	run 0 vu write base.$f ../a.bin
	run 0 vu create --parent base.$f mid.$f
	run 0 vu write --offset 1M mid.$f ../a.bin
	run 0 vu create --parent mid.$f leaf.$f
	run 0 vu write --offset 2M leaf.$f ../a.bin
	run 0 vu read --output disk.raw leaf.$f

	# Nothing to do.
	sha256sum ./*.$f >sums
	run 0 vu relink leaf.$f
	out_has "all parents are where they are recorded"
	run 0 vu relink base.$f
	out_has "it has no parent"
	run 0 sha256sum -c --quiet sums

	# Both renamed, one of them far away: a plan, and then the chain.
	mkdir -p far/below/deep
	mv base.$f far/below/deep/b.$f
	mv mid.$f m.$f
	sha256sum leaf.$f m.$f >sums
	run 1 vu relink leaf.$f
	one_sentence relink
	err_has "--search DIR"
	run 0 vu relink --dry-run --search far leaf.$f
	out_has "would be recorded"
	run 0 sha256sum -c --quiet sums
	run 0 vu relink --json --search far leaf.$f
	json_is 'd["images"][0]["changed"]' True
	json_is 'len(d["images"][0]["steps"])' 2
	json_is 'd["images"][0]["error"]' None
	shows leaf.$f
	run 0 vu relink --search far leaf.$f
	out_has "all parents are where they are recorded"

	# The child moves away, with the rest where it was.
	mkdir there
	mv leaf.$f there
	run 0 vu relink --search . there/leaf.$f
	shows --parent-dir . there/leaf.$f
	mv there/leaf.$f .
	run 0 vu relink leaf.$f
	shows leaf.$f

	# Another file under the old name does not count.
	mv m.$f far
	run 0 vu create --size 16M m.$f
	run 1 vu relink leaf.$f
	one_sentence relink
	err_has "with id"
	run 0 vu relink --search far leaf.$f
	shows leaf.$f

	# Copies: the recorded name decides, else nobody.
	rm m.$f
	cp far/m.$f far/copy.$f
	mv far/m.$f far/below
	run 0 vu relink --search far leaf.$f
	shows leaf.$f
	mv far/below/m.$f far/below/x.$f
	run 1 vu relink --search far leaf.$f
	one_sentence relink
	err_has "2 files have the identity of the parent"
	rm far/copy.$f
	# A second name of one file is no copy.
	ln far/below/x.$f far/y.$f
	run 0 vu relink --search far leaf.$f
	shows leaf.$f

	# Links to folders, pipes and devices are not followed.
	rm far/y.$f
	mkdir in
	mv far/below/x.$f in
	mkdir side
	ln -s "$PWD/in" side/link
	mkfifo side/pipe.$f
	ln -s /dev/zero side/zero.$f
	run 1 timeout 120 "$VHD_UTIL" relink --search side leaf.$f
	run 0 vu relink --search in --search far leaf.$f leaf.$f
	shows --any-parent-dir leaf.$f

	# Nobody becomes his own forefather.
	run 0 vu rebase --unsafe --parent in/x.$f leaf.$f --any-parent-dir
	run 1 vu rebase --unsafe --any-parent-dir --parent leaf.$f in/x.$f
	err_has "is itself a parent of this file"
	cd ..
done

# What Xen and Windows have made, where there is any.
samples=$(dirname "$0")/../../../shared/samples
[ -d "${VHD_SAMPLES_DIR:-}" ] && samples=$VHD_SAMPLES_DIR
if [ ! -d "$samples/xen" ]; then
	echo "no samples of other programs"
	exit 0
fi
mkdir xen && cd xen
for s in chain-base chain-mid chain-leaf relink-base relink-child; do
	gzip -dc "$samples/xen/$s.vhd.gz" >$s.vhd
done
run 0 vu read --output leaf.raw chain-leaf.vhd
mkdir moved
mv chain-base.vhd moved/root.vhd
mv chain-mid.vhd moved/middle.vhd
run 1 vu read --output back chain-leaf.vhd
run 0 vu relink --search moved chain-leaf.vhd
run 0 vu read --output back chain-leaf.vhd
same back leaf.raw
run 0 vu check --quiet --chain chain-leaf.vhd
# libvhd rewrites locators in the space they have: so do we, when it fits.
size=$(stat -c %s relink-child.vhd)
mv relink-base.vhd relinked.vhd
run 0 vu relink relink-child.vhd
run 0 vu check --quiet --chain relink-child.vhd
[ "$(stat -c %s relink-child.vhd)" -eq "$size" ] ||
	fail "the file has another length"
cd ..

# Windows' own children keep their bytes under a renamed parent, and under a
# copy of another kind.
mkdir windows && cd windows
for f in vhd vhdx; do
	xz -dc "$samples/dfvfs/ntfs-parent.$f.xz" >ntfs-parent.$f
	xz -dc "$samples/dfvfs/ntfs-differential.$f.xz" >child.$f
	run 0 vu read --output child.raw child.$f
	run 0 vu convert ntfs-parent.$f dynamic.$f
	mv ntfs-parent.$f renamed.$f
	run 0 vu relink child.$f
	run 0 vu info child.$f
	out_lacks ntfs-parent
	run 0 vu read --output back child.$f
	same back child.raw
	run 0 vu rebase --json --parent dynamic.$f child.$f
	json_is 'd["copied"]' 0
	rm renamed.$f back
	run 0 vu check --quiet --chain child.$f
	run 0 vu read --output back child.$f
	same back child.raw
	rm back child.raw
done
