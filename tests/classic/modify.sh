#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# modify: another parent (-p), another end (-s), no data (-z).
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

bytes() { printf "%$2s" '' | sed "s/ /$1/g"; }

# What a header says of the parent: id, time, name, and three names more.
header() {
	python3 - "$@" <<'EOF'
import os, struct, sys
child, parent, raw = sys.argv[1], sys.argv[2], len(sys.argv) > 3
name = os.path.basename(os.path.realpath(parent))
way = "./" + os.path.relpath(os.path.realpath(parent),
                             os.path.dirname(os.path.realpath(child)))
with open(child, "rb") as f:
    data = f.read()
at = struct.unpack(">Q", data[16:24])[0]
assert at == 512, "the header is at %#x" % at
head = data[at:at + 1024]
want = bytes(16) if raw else open(parent, "rb").read()[-512:][68:84]
assert head[40:56] == want, "another id"
when = int(os.stat(parent).st_mtime) - 946684800
assert struct.unpack(">I", head[56:60])[0] == when, "another time"
assert head[64:576].decode("utf-16-be").rstrip("\0") == name, "another name"
sum_ = struct.unpack(">I", head[36:40])[0]
assert sum_ == ~(sum(head) - sum(head[36:40])) & 0xffffffff, "checksum"
texts = [("MacX", ("file://" + way).encode()),
         ("W2ku", way.replace("/", "\\").encode("utf-16-le")),
         ("W2ru", way.replace("/", "\\").encode("utf-16-le"))]
for i in range(8):
    code, space, length, rest, off = struct.unpack(
        ">4sIIIQ", head[576 + 24 * i:600 + 24 * i])
    if i >= 3:
        assert code == bytes(4) and not (space or length or off), "a name"
        continue
    assert code == texts[i][0].encode(), code
    assert data[off:off + length] == texts[i][1], data[off:off + length]
    assert space >= length and not space % 512, space
    assert not any(data[off + length:off + space]), "rest of a name"
EOF
}
sound() { run 0 vu check -n "$1" -p; }

vu create -n base.vhd -s 16
pattern base.vhd 0 8 BASE
vu snapshot -n mid.vhd -p base.vhd
pattern mid.vhd 4 8 MIDD
vu snapshot -n leaf.vhd -p mid.vhd
pattern leaf.vhd 30000 8 LEAF
leaf_was=$(digest leaf.vhd)
size=$(bytes_of leaf.vhd)
cp leaf.vhd leaf.was

# No action: a look at it.
run 0 vu modify -n leaf.vhd
expect_silent
same_file leaf.vhd leaf.was

# The way over a layer that is gone, and back.
run 0 vu modify --debug -p base.vhd -n leaf.vhd
expect_silent
header leaf.vhd base.vhd
same "$(bytes_of leaf.vhd)" "$size"
sound leaf.vhd
run 0 vu query -n leaf.vhd -p
expect_out "$T/base.vhd\\n"
[ "$(digest leaf.vhd)" != "$leaf_was" ] || fail "the disk is the same"
run 0 vu modify -n leaf.vhd -p mid.vhd --debug
header leaf.vhd mid.vhd
same "$(digest leaf.vhd)" "$leaf_was"
cmp leaf.vhd leaf.was || fail "there and back is not the same"
run 0 vu modify -nleaf.vhd -p mid.vhd
same_file leaf.vhd leaf.was

# A parent in another folder, by a link, by an absolute name.
mkdir -p one/two
cp -p base.vhd one/two/far.vhd
ln -s two/far.vhd one/link.vhd
for name in one/two/far.vhd one/link.vhd "$T/one/link.vhd"; do
	run 0 vu modify -n leaf.vhd -p "$name"
	header leaf.vhd one/two/far.vhd
	sound leaf.vhd
done
(cd one/two && run 0 vu modify -n ../../leaf.vhd -p ../../mid.vhd)
same_file leaf.vhd leaf.was

# The parents below need not be there.
mv base.vhd hidden.base
run 0 vu modify -n leaf.vhd -p mid.vhd
cp leaf.was other.vhd
run 0 vu modify -n other.vhd -p mid.vhd
header other.vhd mid.vhd
mv hidden.base base.vhd

# A raw parent: its id is zeros; a VHD is taken for its bytes with -m.
truncate -s 8M raw.img
run 0 vu modify -n other.vhd -p raw.img -m
expect_silent
header other.vhd raw.img raw
run 0 vu query -n other.vhd -pd
expect_out "$T/raw.img\\nchain depth: 2\\n"
run 0 vu modify -m -n other.vhd -pmid.vhd
header other.vhd mid.vhd raw
run 22 vu modify -n other.vhd -p raw.img
expect_out "failed to set parent to 'raw.img': -22\\n"
header other.vhd mid.vhd raw
run 0 vu modify -n other.vhd -p mid.vhd

# What cannot be a parent.
cp other.vhd was.vhd
run 2 vu modify -n other.vhd -p nope.vhd
expect_out "failed to set parent to 'nope.vhd': -2\\n"
run 2 vu modify -n other.vhd -p nope.img -m
run 22 vu modify -n other.vhd -p other.vhd
expect_out "failed to set parent to 'other.vhd': -22\\n"
ln -s other.vhd alias.vhd
run 22 vu modify -n other.vhd -p alias.vhd
run 22 vu modify -n alias.vhd -p other.vhd -m
mkdir folder
run 22 vu modify -n other.vhd -p folder
[ ! -e leaf.loop ] || fail
same_file other.vhd was.vhd
cp mid.vhd mid.was
run 22 vu modify -n mid.vhd -p leaf.vhd
expect_out "failed to set parent to 'leaf.vhd': -22\\n"
same_file mid.vhd mid.was
run 22 vu modify -n base.vhd -p mid.vhd
expect_out "failed to set parent to 'mid.vhd': -22\\n"
vu create -n fixed.vhd -s 4 -r
run 22 vu modify -n fixed.vhd -p mid.vhd
run 2 vu modify -n nope.vhd -p mid.vhd
expect_out 'error opening nope.vhd: -2\n'
head -c 4096 /dev/zero >zero.vhd
run 22 vu modify -n zero.vhd -p mid.vhd
expect_out 'error opening zero.vhd: -22\n'

# Names beyond ASCII.
name=$(printf 'Gr\303\266\303\237e \346\227\245\346\234\254 \360\237\220\247.vhd')
cp -p mid.vhd "$name"
run 0 vu modify -n other.vhd -p "$name"
header other.vhd "$name"
sound other.vhd
run 0 vu query -n other.vhd -p
printf '%s\n' "$T/$name" | cmp - "$out"
same "$(digest other.vhd)" "$leaf_was"

# Long names: in place, then in what is free before the blocks, then not at all;
# a shorter one comes back.
long() { printf "%$1s" '' | sed 's/ /n/g'; }
cp leaf.was other.vhd
for len in 120 200 251; do
	name=$(long "$len").vhd
	cp -p mid.vhd "$name"
	run 0 vu modify -n other.vhd -p "$name"
	header other.vhd "$name"
	sound other.vhd
	same "$(bytes_of other.vhd)" "$size"
	same "$(digest other.vhd)" "$leaf_was"
done
deep=$(long 200)/$(long 200)/$(long 200)/$(long 200)
mkdir -p "$deep"
cp -p mid.vhd base.vhd "$deep"
cp other.vhd was.vhd
run 36 vu modify -n other.vhd -p "$deep/mid.vhd"
expect_out "failed to set parent to '$deep/mid.vhd': -36\\n"
same_file other.vhd was.vhd
run 0 vu modify -n other.vhd -p mid.vhd
header other.vhd mid.vhd
sound other.vhd
# Without blocks there is room enough.
vu snapshot -n empty.vhd -p mid.vhd
run 0 vu modify -n empty.vhd -p "$deep/mid.vhd"
header empty.vhd "$deep/mid.vhd"
sound empty.vhd
run 0 vu modify -n empty.vhd -p mid.vhd
sound empty.vhd
pattern empty.vhd 0 8 EMPT
sound empty.vhd

# An empty child, a lost footer, a killed one, an encrypted disk, a foreign one.
vu snapshot -n new.vhd -p mid.vhd
new=$(bytes_of new.vhd)
for fill in 00 c7; do
	poke new.vhd $((new - 512)) "$(bytes $fill 512)"
	run 0 vu modify -n new.vhd -p base.vhd
	header new.vhd base.vhd
	sound new.vhd
	same "$(bytes_of new.vhd)" "$new"
	run 0 vu modify -n new.vhd -p mid.vhd
done
poke new.vhd 0 "$(bytes 00 512)"
run 0 vu modify -n new.vhd -p base.vhd
sound new.vhd
vu create -n key.vhd -s 16
vu key -s -n key.vhd -H \
	00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
vu snapshot -n locked.vhd -p key.vhd
cp -p key.vhd key2.vhd
run 0 vu modify -n locked.vhd -p key2.vhd
header locked.vhd key2.vhd
run 0 vu key -p -n locked.vhd
vu create --parent base.vhd foreign.vhd
run 0 vu modify -n foreign.vhd -p mid.vhd
header foreign.vhd mid.vhd

# Tests of storage managers stop us in the midst of it: old link or new one.
for stage in BEGIN LOCATOR END; do
	cp leaf.was part.vhd
	run 22 env "VHD_UTIL_TEST_FAIL_REPARENT_$stage=" \
		"$VHD_UTIL" modify -n part.vhd -p base.vhd
	expect_out "Failing at VHD_UTIL_TEST_FAIL_REPARENT_$stage\\n"
	run 0 vu query -n part.vhd -p
	is=$(cat "$out")
	[ "$is" = "$T/mid.vhd" ] || [ "$is" = "$T/base.vhd" ] || fail "$is"
	run 0 vu modify -n part.vhd -p base.vhd
	header part.vhd base.vhd
	sound part.vhd
	same "$(bytes_of part.vhd)" "$size"
done

# -s: the footer goes to where the file will end.
cp leaf.was end.vhd
run 0 vu modify --debug -s $((size + 8192)) -n end.vhd
expect_silent
same "$(bytes_of end.vhd)" $((size + 8192))
same "$(hex end.vhd 0 512)" "$(hex end.vhd $((size + 7680)) 512)"
run 0 vu query -n end.vhd -s
expect_out "$size\\n"
sound end.vhd
run 0 vu modify -n end.vhd -s $((size + 512))
same "$(bytes_of end.vhd)" $((size + 512))
sound end.vhd
run 0 vu modify -n end.vhd -s "$size"
same_file end.vhd leaf.was
run 22 vu modify -n end.vhd -s $((size - 512))
expect_out "failed to set physical size to $((size - 512)): -22\\n"
run 22 vu modify -n end.vhd -s $((size + 100))
expect_out "failed to set physical size to $((size + 100)): -22\\n"
run 22 vu modify -n end.vhd -s 0
for value in x -1 '' 5M; do
	run 22 vu modify -n end.vhd -s "$value"
done
same_file end.vhd leaf.was
poke end.vhd $((size - 512)) "$(bytes 00 512)"
run 0 vu modify -n end.vhd -s $((size + 4096))
sound end.vhd
cp fixed.vhd end.vhd
run 0 vu modify -n end.vhd -s $((4 * 1048576 + 4096))
run 22 vu modify -n end.vhd -s $((4 * 1048576))

# -z: all is forgotten but the parent and the key.
full=$(bytes_of new.vhd)
head -c 2097152 /dev/urandom >block
vu snapshot -n zap.vhd -p mid.vhd
cp zap.vhd zap.was
pattern zap.vhd 0 4096 FULL
pattern zap.vhd 20000 9 SOME
run 0 vu modify -z -n zap.vhd
expect_silent
same_file zap.vhd zap.was
header zap.vhd mid.vhd
sound zap.vhd
same "$(digest zap.vhd)" "$(digest mid.vhd)"
run 0 vu modify -z -n zap.vhd
same_file zap.vhd zap.was
same "$(bytes_of zap.vhd)" "$full"
run 38 vu modify -n fixed.vhd -z
expect_out 'failed to zero VHD: -38\n'
run 0 vu modify -z -n locked.vhd
run 0 vu key -p -n locked.vhd
grep -q 0011223344 "$out" || fail "the key is forgotten"
# What the batmap shows goes as well; what is at the end of a longer file, too.
if [ -d "${VHD_SAMPLES_DIR-}/xen" ]; then
	gzip -dc "$VHD_SAMPLES_DIR/xen/dyn-data.vhd.gz" >data.vhd
	truncate -s +1M data.vhd
	run 0 vu repair -n data.vhd
	run 0 vu query -n data.vhd -aS
	expect_out '3\n16\n'
	run 0 vu modify -n data.vhd -z
	run 0 vu query -n data.vhd -as
	expect_out '3584\n0\n'
	same "$(bytes_of data.vhd)" 3584
	run 0 vu read -n data.vhd -B
	same "$(hex "$out" 0 1)" 00
	run 0 vu check -n data.vhd
fi

# The table may say anything: two blocks in one place, blocks over each other, over
# the headers, behind the end, nothing but zeros; the footer may be lost as well.
vu create -n good.vhd -s 16
vu fill -n good.vhd -b -f 0 -t 20479
vu create -n none.vhd -s 16
python3 - <<'EOF'
data = open("good.vhd", "rb").read()
first = int.from_bytes(data[1536:1540], "big")
for name, at, entry in (("double", 4, first), ("over", 4, first + 100),
                        ("meta", 8, 2), ("past", 12, 0x00ff0000),
                        ("zeros", None, 0)):
    bad = bytearray(data)
    if at is None:
        bad[1536:1568] = bytes(32)
    else:
        bad[1536 + at:1540 + at] = entry.to_bytes(4, "big")
    open("bad-%s.vhd" % name, "wb").write(bad)
    bad[-512:] = bytes(512)
    open("bad-%s-lost.vhd" % name, "wb").write(bad)
EOF
for name in bad-*.vhd; do
	run 22 vu check -n "$name"
	run 0 vu modify -n "$name" -z
	expect_silent
	run 0 vu check -n "$name"
	run 0 vu query -n "$name" -as
	expect_out '3584\n0\n'
	same "$(bytes_of "$name")" 3584
	same "$(hex "$name" 512 2560)" "$(hex none.vhd 512 2560)"
done

# All at once: z, s, p.
cp leaf.was all.vhd
run 0 vu modify -p base.vhd -s 8192 -z -n all.vhd
expect_silent
same "$(bytes_of all.vhd)" 8192
header all.vhd base.vhd
same "$(digest all.vhd)" "$(digest base.vhd)"
run 22 vu modify -n mid.vhd -p nope.vhd -s 1
expect_out "failed to set physical size to 1: -22\\n"

# -m says nothing without -p.
run 0 vu modify -n leaf.vhd -m
expect_silent

# Wrong use; an interrupted resize.
run 22 vu modify -p base.vhd
run 22 vu modify -n leaf.vhd more
run 22 vu modify -h
run 22 vu modify -n leaf.vhd -x
same_file leaf.vhd leaf.was
poison leaf.vhd poison.vhd
cp poison.vhd poison.was
run 22 vu modify -n poison.vhd -p base.vhd
expect_out 'error opening poison.vhd: -22\n'
run 22 vu modify -n poison.vhd -z
run 22 vu modify -n poison.vhd -s 16777216
same_file poison.vhd poison.was

# It is done all the time: four flushes where blocks are, five where none is.
if command -v strace >/dev/null 2>&1; then
	for name in leaf new; do
		vu modify -n $name.vhd -p mid.vhd
		strace -f -E ASAN_OPTIONS=detect_leaks=0 -o trace \
			-e trace=fsync,fdatasync,sync_file_range \
			"$VHD_UTIL" modify -n $name.vhd -p base.vhd
		[ "$(grep -c sync trace)" -le 5 ] ||
			fail "$(grep -c sync trace) flushes"
	done
fi
