#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# salvage: what it prints for people, its exit status, and that nothing is left
# behind when it fails or is refused.  What is saved is proved by salvage_rows.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
run 0 vu convert --block-size 1M disk.raw disk.vhdx
run 0 vu salvage disk.vhdx saved.vhdx
err_empty
out_has "saved.vhdx: nothing was lost; the disk has "
out_lacks "fsck"
run 0 vu read --output back saved.vhdx
starts_with back disk.raw
rm back

# Cut in the middle: what lay behind is named.
cp disk.vhdx cut.vhdx
truncate -s 5M cut.vhdx
run 3 vu salvage cut.vhdx cut-saved.vhdx
err_empty
out_has "lost 0x"
out_has "past the end of the file"
out_has "cut-saved.vhdx: something was lost"
out_has "What was lost is zeros in the copy."
out_has "fsck"
run 0 vu check --quiet cut-saved.vhdx

# The first twenty, then a count.
run 0 vu create --block-size 1M --size 100M many.vhdx
python3 -c 'import sys; sys.stdout.buffer.write(
	(b"\x06\0\0\0\0\0\0\1" + bytes(8)) * 50)' >table 2>/dev/null ||
	skip "there is no python3"
patch many.vhdx $((3 * 1024 * 1024)) <table
run 3 vu salvage many.vhdx many-saved.vhdx
[ "$(grep -c '^lost ' "$out")" -eq 20 ] || fail "not twenty lines"
out_has "and 30 more ranges are lost; --json lists all"
run 3 vu salvage --json --force many.vhdx many-saved.vhdx
json_is 'len(d["losses"])' 50
json_is 'd["losses"][1]' "{'start': 2097152, 'length': 1048576, 'message': $(
	json "$out" 'repr(d["losses"][1]["message"])')}"
json_is 'd["result"]["lost_bytes"]' $((50 * 1024 * 1024))

# A guess is no certainty: what it decides is named, and the status says so.
run 0 vu create --size 4M guess.vhd
noise 65536 >data
run 0 vu write guess.vhd data
dd if=/dev/zero of=guess.vhd bs=512 seek=1 count=2 conv=notrunc 2>/dev/null
run 3 vu salvage guess.vhd guess-saved.vhdx
out_has "doubtful 0x0 to 0x400000 (4 MiB): where the blocks of the disk are"
out_has "it may not be the disk that it was"
out_has "4 MiB in 1 range doubtful."
out_has "What is doubtful is what a guess makes of it"
out_lacks "nothing was lost"
run 3 vu salvage --json --force guess.vhd guess-saved.vhdx
json_is 'list(d)' "['source', 'target', 'assumptions', 'doubts', 'losses', 'result']"
json_is 'sorted(d["doubts"][0])' "['length', 'message', 'start']"
json_is 'd["result"]["doubtful_bytes"]' $((4 * 1024 * 1024))
json_is 'd["result"]["doubts"]' 1
noise 100000 >junk.vhd
run 3 vu salvage junk.vhd junk-saved.vhdx
out_has "nothing in the file says that it is a disk"
rm guess.vhd junk.vhd data

# Refused, and nothing is left.
rm ./*saved.vhdx table many.vhdx
run 1 vu salvage disk.vhdx disk.vhdx
one_sentence salvage
run 1 vu salvage --force disk.vhdx disk.vhdx
err_has "same file"
head -c 3M /dev/zero >nothing.img
run 1 vu salvage nothing.img new.vhdx
one_sentence salvage
err_has "--source-format"
run 1 vu salvage --source-format vhdx nothing.img new.vhdx
one_sentence salvage
run 1 vu salvage missing.vhdx new.vhdx
absent new.vhdx
run 1 vu salvage --json missing.vhdx new.vhdx
json_is 'd["error"]["code"]' VHD_E_IO
run 2 vu salvage --type differencing disk.vhdx new.vhdx
usage_error salvage
run 2 vu salvage - new.vhdx
usage_error salvage

# A missing parent has to be done without by name.
run 0 vu create --parent disk.vhdx child.vhdx
noise 65536 >data
run 0 vu write --offset 1M child.vhdx data
mv disk.vhdx elsewhere.vhdx
mkdir away
mv elsewhere.vhdx away
run 1 vu salvage child.vhdx new.vhdx
one_sentence salvage
err_has "--no-parent"
absent new.vhdx
run 3 vu salvage --no-parent child.vhdx new.vhdx
out_has "stored in the parent, which is not open"
run 0 vu salvage --parent away/elsewhere.vhdx --force child.vhdx new.vhdx
