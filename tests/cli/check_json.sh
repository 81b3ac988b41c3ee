#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check --json is one document, whatever happens.
. "$(dirname "$0")/functions.sh"

requires python3
run 0 vu create --size 64M good.vhd
run 0 vu create --size 64M bad.vhd
truncate -s -512 bad.vhd
head -c 512 /dev/zero >>bad.vhd
run 3 vu check --json good.vhd bad.vhd missing.vhd
one_sentence check
json_is 'len(d["files"])' 3
json_is 'd["files"][0]["result"]["sound"]' True
json_is 'd["files"][1]["result"]["sound"]' False
json_is 'd["files"][1]["result"]["errors"] > 0' True
json_is '"VHD1_FOOTER_MISSING" in [f["rule"]["name"] for f in d["files"][1]["findings"]]' True
json_is 'sorted(d["files"][1]["findings"][0]["rule"])' \
	"['clause', 'id', 'name', 'severity']"
json_is 'd["files"][2]["error"]["code"]' VHD_E_IO
