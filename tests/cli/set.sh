#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# set changes headers and nothing else, and shows what it did.
. "$(dirname "$0")/functions.sh"

requires python3
images 16
noise 70000 >data
for f in $images; do
	model "$f"
	put "$f" $((5 * 1024 * 1024 - 77)) data
	run 0 vu set --id 01234567-89ab-cdef-0123-456789abcdef "$f"
	err_empty
	out_has "$f: id: \""
	out_has '" -> "01234567-89ab-cdef-0123-456789abcdef"'
	agrees "$f"
	run 0 vu set --json --id new --creator me "$f"
	json_is '[c["field"] for c in d["changes"]]' "['id', 'creator']"
	json_is 'd["changes"][0]["before"]' \
		01234567-89ab-cdef-0123-456789abcdef
	json_is 'd["dry_run"], d["image"]' "(False, '$f')"
	agrees "$f"
	sha256sum "$f" >sum
	run 0 vu set --creator me "$f"
	run 0 vu set --dry-run --id new --creator you "$f"
	out_has 'creator would change: "'
	case $f in
	*.vhd) out_has '" -> "you "' ;;
	*) out_has '" -> "you"' ;;
	esac
	sha256sum --status -c sum || fail "$f has changed"
done

for f in fixed.vhd dynamic.vhd child.vhd; do
	run 0 vu set --hidden yes --saved-state yes --original-size 8M \
		--timestamp 1600000000 $f
	out_has "$f: hidden: \"no\" -> \"yes\""
	out_has "$f: saved state: \"no\" -> \"yes\""
	out_has "$f: original size: \"16 MiB\" -> \"8 MiB\""
	out_has "-> \"1600000000\""
	run 0 vu set --hidden no --saved-state no $f
	run 0 vu info --json $f
	json_is 'd["image"]["vhd"]["hidden"], d["image"]["vhd"]["saved_state"], d["image"]["vhd"]["original_size"], d["image"]["vhd"]["timestamp"]' \
		"(False, False, 8388608, 1600000000)"
	run 1 vu set --physical-sector 512 $f
	one_sentence set
	err_has "a VHD has no size of physical sectors"
	run 1 vu set --creator "words" $f
	err_has "at most 4 characters, not 5"
	run 0 vu check --quiet $f
done
for f in fixed.vhdx dynamic.vhdx child.vhdx; do
	run 0 vu set --physical-sector 512 $f
	out_has "$f: physical sector: \"4096\" -> \"512\""
	run 1 vu set --hidden yes $f
	one_sentence set
	err_has "a VHDX has no hidden marker"
	run 0 vu check --quiet $f
done
run 1 vu set --physical-sector 512 sector.vhdx
err_has "cannot hold logical ones of 4096"

# Children keep their parent, unless they are given up.
for e in vhd vhdx; do
	run 1 vu set --id new base.$e
	one_sentence set
	err_has "\"child.$e\""
	run 0 vu set --creator me base.$e
	run 0 vu read --length 1 child.$e
	run 1 vu set --dry-run --id new base.$e
	run 0 vu set --orphan --id new base.$e
	run 1 vu read --length 1 child.$e
	# Who knows better says so.
	run 0 vu set --parent base.$e child.$e
	run 0 vu read --length 1 child.$e
done

run 2 vu set dynamic.vhd
usage_error set
err_has "nothing is to be set"
run 2 vu set --hidden maybe dynamic.vhd
usage_error set
run 2 vu set --id 1234 dynamic.vhd
usage_error set
run 2 vu set --timestamp soon dynamic.vhd
usage_error set
run 2 vu set --parent "" dynamic.vhd
usage_error set
run 1 vu set --hidden yes no-such.vhd
one_sentence set

# What is refused is refused as a whole, and by --dry-run as well.
sha256sum child.vhd dynamic.vhd child.vhdx dynamic.vhdx >sum
for how in --dry-run --orphan; do
	run 1 vu set $how --id new --creator tap dynamic.vhd
	err_has "convert the image for Xen"
	run 1 vu set $how --id new --original-size 1T dynamic.vhd
	err_has "original size"
	for e in vhd vhdx; do
		run 1 vu set $how --creator them --parent no-such.$e child.$e
		err_has "no-such.$e"
	done
done
sha256sum --status -c sum || fail "half of what was refused was done"
