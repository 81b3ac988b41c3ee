#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A chain of layers is shown and read through.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk disk.raw
for f in vhd vhdx; do
	run 0 vu convert disk.raw base.$f
	run 0 vu create --parent base.$f mid.$f
	run 0 vu create --parent mid.$f top.$f
	run 0 vu info top.$f
	out_has "Chain"
	out_has "base.$f"
	run 0 vu info --json --chain top.$f
	json_is 'len(d["chain"])' 3
	json_is '[l["type"] for l in d["chain"]]' \
		"['differencing', 'differencing', 'dynamic']"
	json_is '"parent_locators" in d["chain"][1]' True
	json_is 'd["image"]["parent_locators"][0]["text"].endswith("mid.'$f'")' True
	run 0 vu map --json top.$f
	json_is '{e["layer"] for e in d if e["data"]}' '{2}'
	run 0 vu check --chain top.$f
	run 0 vu convert top.$f -
	starts_with "$out" disk.raw
done
