#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check says 0 for sound, 1 for could not, 3 for damaged; worst wins.
. "$(dirname "$0")/functions.sh"

raw_disk disk.raw
run 0 vu convert disk.raw good.vhd
run 0 vu convert disk.raw bad.vhd
# The trailing footer is gone; the copy keeps the image readable.
truncate -s -512 bad.vhd
head -c 512 /dev/zero >>bad.vhd
run 0 vu check good.vhd
out_has "good.vhd: sound"
err_empty
run 0 vu check --quiet good.vhd
silent
run 3 vu check bad.vhd
out_has "bad.vhd: error VHD-K-2 VHD1_FOOTER_MISSING"
out_has "; repair: automatic"
out_has "bad.vhd: damaged"
run 3 vu check --quiet bad.vhd
silent
run 1 vu check missing.vhd
one_sentence check
run 3 vu check good.vhd bad.vhd
run 3 vu check bad.vhd missing.vhd good.vhd
out_has "good.vhd: sound"
run 1 vu check good.vhd missing.vhd
