#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# repair --json is one document, whatever happens.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/repair_functions.sh"

requires python3
damaged_vhd a.vhd
overlapping_vhd b.vhd 4
run 0 vu repair --json a.vhd
json_is 'd["file"]' a.vhd
json_is 'd["steps"][0]["granted"]' True
json_is 'd["result"]["applied"]' False
json_is 'd["result"]["undo"]' None
json_is 'd["result"]["after"]["sound"]' True
run 3 vu repair --json b.vhd
json_is 'any(s["granted"] for s in d["steps"])' False
json_is '[s["choices"] for s in d["steps"] if s["rule"]["name"] == "VHD1_BLOCK_OVERLAP"][0]' \
	"['copy', 'first', 'second']"
json_is '"VHD1_BLOCK_OVERLAP" in [f["rule"]["name"] for f in d["findings"]]' True
json_is 'd["result"]["possible"] > 0' True
run 0 vu repair --json --repair --allow all b.vhd
json_is 'd["result"]["applied"]' True
json_is 'd["result"]["undo"]' b.vhd.undo
json_is 'd["result"]["bytes"] > 1500000' True
run 0 vu repair --json --undo b.vhd.undo b.vhd
json_is 'd["restored"]' True
run 1 vu repair --json --repair --allow all b.vhd
json_is 'd["error"]["code"]' VHD_E_EXISTS
run 1 vu repair --json missing.vhd
json_is 'd["error"]["code"]' VHD_E_IO
