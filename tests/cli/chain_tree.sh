#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The images of a folder as trees, and what is wrong with them.
. "$(dirname "$0")/functions.sh"

mkdir pool other
for f in vhd vhdx; do
	run 0 vu create --size 8M pool/base.$f
	run 0 vu create --parent pool/base.$f pool/web.$f
	run 0 vu create --parent pool/web.$f pool/web2.$f
	run 0 vu create --parent pool/base.$f pool/db.$f
done
sha256sum pool/* >sums
run 0 vu chain pool
err_empty
sed 's/  *d[a-z]* .*//' "$out" >tree
cat >want <<'END'
base.vhd
├─ db.vhd
└─ web.vhd
   └─ web2.vhd
base.vhdx
├─ db.vhdx
└─ web.vhdx
   └─ web2.vhdx
END
diff want tree >"$out" || fail "another tree"
run 0 vu chain --json pool/db.vhd
json_is 'len(d["images"])' 8
json_is 'd["problems"]' 0
json_is '[i["parent"] for i in d["images"] if i["file"] == "pool/web2.vhdx"]' \
	"['pool/web.vhdx']"
json_is '[i["type"] for i in d["images"]].count("differencing")' 6

# Nothing is locked, and nothing changed; an image in use is read as it is.
run 0 sha256sum -c --quiet sums
cd pool
run 0 vu chain
out_has "└─ web2.vhd"
out_lacks "pool/"
cd ..

# A parent elsewhere is shown with its own, each once.
run 0 vu create --parent pool/web.vhdx other/far.vhdx
run 0 vu create --parent pool/web.vhdx other/far2.vhdx
run 0 vu chain --json other
json_is 'len(d["images"])' 4
json_is 'd["problems"]' 0
run 0 vu chain other pool other/far.vhdx
[ "$(wc -l <"$out")" -eq 10 ] || fail "not ten images"

# Lost, renamed, replaced, unreadable.
mv pool/web.vhd pool/www.vhd
rm pool/base.vhdx
mkdir -p gone
mv pool/base.vhd gone
run 0 vu create --size 8M pool/base.vhd
echo junk >pool/junk.vhd
mkfifo pool/pipe.vhd
mkdir pool/folder.vhd
run 3 timeout 120 "$VHD_UTIL" chain --json pool
json_is 'd["problems"]' 6
problem() {
	json "$out" "[i['problem'] for i in d['images'] if i['file'] == 'pool/$1'][0]"
}
run 3 vu chain --json pool
problem web2.vhd | grep -q "www.vhd.* has its identity" || fail "web2.vhd"
problem db.vhd | grep -q "base.vhd is a vhd with id" || fail "db.vhd"
problem db.vhdx | grep -q "is not found" || fail "db.vhdx"
problem junk.vhd | grep -q "neither a VHD" || fail "junk.vhd"
json_is '[i["parent"] for i in d["images"] if i["file"] == "pool/web2.vhd"]' \
	"['pool/www.vhd']"
run 3 vu chain pool
out_has "! "
# Relink mends what can be found.
run 0 vu relink --search gone pool/web2.vhd pool/db.vhd
run 3 vu chain --json pool
json_is 'd["problems"]' 3

# A name in other letters is one that opening finds.
mkdir case
run 0 vu create --size 8M case/Base.vhdx
run 0 vu create --parent case/Base.vhdx case/child.vhdx
mv case/Base.vhdx case/base.VHDX
run 0 vu chain case
out_has "└─ child.vhdx"

# Xen's marker is shown; a raw parent is named as its neighbours are.
mkdir xen
truncate -s 8M xen/disk.raw
run 0 vu create --for xen --raw-parent --parent xen/disk.raw xen/child.vhd
run 0 vu set --hidden yes xen/child.vhd
run 0 vu chain xen
out_has "└─ child.vhd"
grep -q "^disk.raw " "$out" || fail "another name for the parent"
grep -q "child.vhd.*  hidden\$" "$out" || fail "not shown to be hidden"
run 0 vu chain --json xen
json_is '[(i["file"], i["hidden"]) for i in d["images"]]' \
	"[('xen/child.vhd', True), ('xen/disk.raw', None)]"
(cd xen && vu chain) | grep -q "^disk.raw " || fail "another name in ."

# A circle.
mkdir ring
run 0 vu create --size 8M ring/a.vhd
run 0 vu create --parent ring/a.vhd ring/b.vhd
run 0 vu create --parent ring/b.vhd ring/c.vhd
run 0 vu info --json ring/c.vhd
id=$(json "$out" 'd["image"]["id"]')
run 0 vu info --json ring/a.vhd
# b takes the place of a, with the id that b records.
run 0 vu create --parent ring/c.vhd --uuid "$(json "$out" 'd["image"]["id"]')" \
	ring/new.vhd
mv ring/new.vhd ring/a.vhd
[ -n "$id" ]
run 3 timeout 120 "$VHD_UTIL" chain ring
out_has "comes back"
[ "$(grep -c 'vhd  ' "$out")" -eq 3 ] || fail "not three images"

# None at all; what is not there.
mkdir none
run 0 vu chain none
out_empty
run 1 vu chain absent
one_sentence chain

# Names cannot drive a terminal.
printf 'x' >"$(printf 'none/\033[31m.vhd')"
run 3 vu chain none
! grep -q "$(printf '\033')" "$out" || fail "an escape came through"

# A long chain, and many images, in no time.
mkdir deep
run 0 vu create --size 8M deep/000.vhd
n=0
while [ $n -lt 60 ]; do
	prev=$(printf '%03d' $n)
	n=$((n + 1))
	run 0 vu create --parent "deep/$prev.vhd" --no-sync \
		"deep/$(printf '%03d' $n).vhd"
done
run 0 timeout 60 "$VHD_UTIL" chain deep
[ "$(wc -l <"$out")" -eq 61 ] || fail "not 61 lines"
out_has "(   60) 060.vhd"
