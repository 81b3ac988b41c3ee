#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A layer that was merged and stays is never copied over its ancestor again,
# although no identity tells that it is spent.
. "$(dirname "$0")/functions.sh"

noise 400001 >old
noise 300001 >new

# prepare PARENT OPTION...: a child of it with changes, merged
prepare() {
	parent=$1
	shift
	rm -f t.vhd c.vhd "$parent".merge
	run 0 vu snapshot --for xen "$parent" t.vhd
	run 0 vu write --offset 2M t.vhd old
	run 0 vu convert --format raw --force t.vhd want
	run 0 vu merge "$@" t.vhd
	[ -e "$parent".merge ] || fail "nothing says that t.vhd is spent"
	shows "$parent" want
}

shows() {
	run 0 vu convert --format raw --force "$1" got
	same got "$2"
}

# The machine runs on the ancestor, time goes by.
go_on() {
	case $1 in
	*.raw) dd if=new of="$1" bs=64k seek=32 conv=notrunc status=none ;;
	*) run 0 vu write --orphan --offset 2M "$1" new ;;
	esac
	touch -d "+5 minutes" "$1"
	run 0 vu convert --format raw --force "$1" after
}

run 0 vu create --size 8M a.vhd
truncate -s 8M b.raw
for p in a.vhd b.raw; do
	keep=
	[ $p = b.raw ] || keep=--keep-id
	prepare $p $keep
	go_on $p
	run 0 vu merge $keep t.vhd
	shows $p after
	# An old ancestor, put in its place, would look the same: nothing goes.
	run 1 vu merge $keep --delete t.vhd
	one_sentence merge
	err_has "remove this image and \"$p.merge\""
	shows $p after
	[ -e t.vhd ] || fail "t.vhd was removed"

	# With a child of it, and from a call that remembers nothing of --keep-id.
	prepare $p $keep
	go_on $p
	run 0 vu merge t.vhd
	shows $p after

	# Whoever went on with the layer instead gets what that holds.
	prepare $p $keep
	run 0 vu write --offset 3M t.vhd new
	run 0 vu convert --format raw --force t.vhd want
	run 0 vu merge $keep t.vhd
	shows $p want

	# Both changed: nobody knows what is wanted.
	go_on $p
	run 0 vu write --offset 1M t.vhd new
	for f in --dry-run --delete; do
		run 1 vu merge $keep $f t.vhd
		one_sentence merge
		err_has "$p.merge"
		err_has "both were changed"
	done
	shows $p after
	rm $p.merge
	run 0 vu convert --format raw --force t.vhd want
	run 0 vu merge $keep --delete t.vhd
	shows $p want
	absent t.vhd $p.merge
done

# A backup of before the merge: it is not known what is wanted.
run 0 vu create --size 8M r.vhd
run 0 vu snapshot r.vhd s.vhd
run 0 vu write s.vhd old
mkdir bak
cp -a r.vhd s.vhd bak
sleep 0.1
run 0 vu merge --keep-id s.vhd
cp -a bak/r.vhd .
run 1 vu merge --keep-id --delete s.vhd
one_sentence merge
err_has "r.vhd.merge"
rm r.vhd.merge
run 0 vu convert --format raw --force s.vhd want
run 0 vu merge --keep-id --delete s.vhd
shows r.vhd want

# Layers between are spent with the image, and are not copied either; one that
# has got a child since is not removed.
run 0 vu create --size 8M l.vhd
run 0 vu snapshot l.vhd m.vhd
run 0 vu write m.vhd old
run 0 vu snapshot m.vhd n.vhd
run 0 vu write --offset 4M n.vhd old
sleep 1.1
run 0 vu merge --keep-id --into l.vhd n.vhd
run 0 vu write --orphan l.vhd new
run 0 vu convert --format raw --force l.vhd after
run 1 vu merge --keep-id --delete m.vhd
one_sentence merge
err_has "it is spent"
shows l.vhd after
[ -e m.vhd ] || fail "m.vhd was removed"
rm -f m.vhd n.vhd
# What is made of the ancestor afterwards is no such layer, however soon; nor is
# what was above the merged image and got the ancestor as its parent.
run 0 vu snapshot l.vhd m.vhd
run 0 vu write m.vhd old
run 0 vu snapshot m.vhd n.vhd
run 0 vu snapshot n.vhd o.vhd
run 0 vu write --offset 1M o.vhd new
run 0 vu convert --format raw --force o.vhd want
run 0 vu merge --keep-id m.vhd
rm m.vhd
run 0 vu merge --keep-id --into l.vhd --delete o.vhd
shows l.vhd want
rm -f l.vhd l.vhd.merge

# A copy of the image is not the ancestor that took its place.
run 0 vu create --size 8M x.vhd
run 0 vu snapshot x.vhd y.vhd
run 0 vu write y.vhd old
for how in old new; do
	cp y.vhd copy.vhd
	[ $how = new ] || run 0 vu write --offset 4M y.vhd new
	[ $how = old ] || touch copy.vhd
	mv x.vhd gone
	run 1 vu merge --delete --into copy.vhd y.vhd
	[ -e y.vhd ] || fail "an image was removed that nothing else holds"
	mv gone x.vhd
done

# The identity tells: no mark is needed.
run 0 vu snapshot a.vhd t.vhd
run 0 vu write t.vhd old
run 0 vu merge t.vhd
absent a.vhd.merge
run 0 vu write a.vhd new
run 0 vu convert --format raw --force a.vhd after
run 0 vu merge t.vhd
shows a.vhd after
