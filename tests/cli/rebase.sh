#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Another parent, and the same disk: whatever the two parents have in common,
# however large they are, and whoever hangs below the child.
. "$(dirname "$0")/functions.sh"

noise 3000000 >a.bin
noise 900000 | tr 0-4 5-9 >b.bin

# shows IMAGE RAW: that is its disk
shows() {
	run 0 vu check --quiet --chain "$1"
	run 0 vu read --output back "$1"
	same back "$2"
	rm back
}

for f in vhd vhdx; do
	# Two parents that have some bytes in common, each some alone.
	run 0 vu create --size 32M old.$f
	run 0 vu write old.$f a.bin
	run 0 vu write --offset 9000001 old.$f b.bin
	run 0 vu create --size 32M new.$f
	run 0 vu write new.$f a.bin
	run 0 vu write --offset 100000 new.$f b.bin
	run 0 vu write --offset 20M new.$f b.bin
	run 0 vu create --parent old.$f child.$f
	run 0 vu write --offset 1M child.$f b.bin
	run 0 vu write --offset 31M child.$f b.bin
	run 0 vu create --parent child.$f grand.$f
	run 0 vu write --offset 5M grand.$f b.bin
	run 0 vu read --output child.raw child.$f
	run 0 vu read --output grand.raw grand.$f
	sha256sum old.$f new.$f child.$f >sums

	# A plan changes nothing.
	run 0 vu rebase --dry-run --json --parent new.$f child.$f
	json_is 'd["dry_run"]' True
	planned=$(json "$out" 'd["copied"]')
	[ "$planned" -gt 1800000 ] || fail "only $planned bytes to copy"
	[ "$planned" -lt 3000000 ] || fail "$planned bytes to copy"
	run 0 sha256sum -c --quiet sums

	run 0 vu rebase --json --parent new.$f child.$f
	json_is 'd["copied"]' "$planned"
	json_is 'len(d["steps"])' 2
	sed -i '/child/d' sums
	run 0 sha256sum -c --quiet sums
	shows child.$f child.raw
	# Its own child still knows it.
	shows grand.$f grand.raw
	run 0 vu info --json child.$f
	json_is 'd["chain"][1]["file"][-'$((4 + ${#f}))':]' "new.$f"
	rm old.$f
	shows grand.$f grand.raw

	# Once more: nothing to do.
	sha256sum child.$f >sums
	run 0 vu rebase --parent new.$f child.$f
	out_has "is its parent already"
	run 0 sha256sum -c --quiet sums

	# To the parent's parent: only what that layer held is copied.
	run 0 vu rebase --json --parent new.$f grand.$f
	json_is 'd["copied"] < 5000000' True
	json_is 'd["copied"] > 900000' True
	rm child.$f
	shows grand.$f grand.raw

	# A smaller parent, and one that is empty: what lies behind its end is
	# zeros, and what was zeros stays that.
	run 0 vu create --size 4M small.$f
	run 0 vu write small.$f b.bin
	run 0 vu rebase --parent small.$f grand.$f
	rm new.$f
	shows grand.$f grand.raw
	rm ./*.$f ./*.raw
done

# Blocks that are zeros under the old parent and data under the new one take no
# space in a VHDX.
run 0 vu create --size 64M --block-size 1M empty.vhdx
run 0 vu create --size 64M --block-size 1M full.vhdx
head -c 40M /dev/zero | tr '\0' x >x.bin
run 0 vu write --offset 512 full.vhdx x.bin
run 0 vu create --parent empty.vhdx --block-size 1M thin.vhdx
run 0 vu write --offset 5000000 thin.vhdx b.bin
run 0 vu read --output thin.raw thin.vhdx
run 0 vu rebase --parent full.vhdx thin.vhdx
shows thin.vhdx thin.raw
[ "$(stat -c %s thin.vhdx)" -lt 9000000 ] || fail "zeros take space"
rm empty.vhdx full.vhdx thin.vhdx thin.raw x.bin

# Rules of refusal; each leaves every file as it is.
run 0 vu create --size 8M p.vhd
run 0 vu create --size 8M p.vhdx
run 0 vu create --size 9M large.vhdx
run 0 vu create --size 9M large.vhd
run 0 vu create --logical-sector 4096 --size 8M sector.vhdx
run 0 vu create --parent p.vhd c.vhd
run 0 vu create --parent p.vhdx c.vhdx
run 0 vu create --parent c.vhd g.vhd
run 0 vu create --parent c.vhdx g.vhdx
truncate -s 8M disk.raw
sha256sum ./*.vhd ./*.vhdx >sums
refused() {
	text=$1
	shift
	for unsafe in "" --unsafe --dry-run; do
		# shellcheck disable=SC2086
		run 1 vu rebase $unsafe "$@"
		one_sentence rebase
		err_has "$text"
	done
	run 0 sha256sum -c --quiet sums
}
refused "only a parent of its own format" --parent p.vhdx c.vhd
refused "only a parent of its own format" --parent p.vhd c.vhdx
refused "is itself a parent of this file" --parent g.vhd c.vhd
refused "is itself a parent of this file" --parent g.vhdx c.vhdx
refused "its own parent" --parent c.vhdx c.vhdx
refused "grow that first" --parent large.vhd c.vhd
refused "grow that first" --parent large.vhdx c.vhdx
refused "logical sectors" --parent sector.vhdx c.vhdx
refused "only Xen's VHD can have a raw parent" --parent disk.raw c.vhd
refused "disk.raw" --parent disk.raw c.vhdx
refused "the image has no parent" --parent large.vhd p.vhd
refused "absent.vhd" --parent absent.vhd c.vhd
run 2 vu rebase c.vhd
usage_error rebase

# Without the old parent only --unsafe works, and says nothing about bytes.
run 0 vu create --size 8M q.vhdx
mkdir gone
mv p.vhdx gone
run 1 vu rebase --parent q.vhdx c.vhdx
one_sentence rebase
err_has "relink"
run 0 vu rebase --unsafe --parent q.vhdx c.vhdx
out_lacks "copied"
run 0 vu check --quiet --chain c.vhdx
run 0 vu check --quiet --chain g.vhdx

# A raw parent, as Xen has it.
run 0 vu create --for xen --raw-parent --parent disk.raw x.vhd
run 0 vu convert --format raw x.vhd x.raw
noise 700000 >other.raw
truncate -s 8M other.raw
run 0 vu rebase --parent other.raw x.vhd
run 0 vu read --output back x.vhd
same back x.raw
run 0 vu info x.vhd
out_has other.raw
