#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lint: what it prints, its exit status, several files, names that a shell would
# take apart, and that nothing is changed.
. "$(dirname "$0")/functions.sh"

run 0 vu create --for azure --size 24M good.vhd
run 0 vu create --size 24M "it's a disk.vhdx"
run 0 vu lint --for azure good.vhd
err_empty
out_has "good.vhd: fit for azure"
before=$(sha256sum ./*.vhdx; stat -c %Y ./*.vhdx)
run 3 vu lint --for azure "it's a disk.vhdx" good.vhd
err_empty
out_has "refused VHD-A-10: Azure takes only fixed VHDs, and this is a VHDX"
out_has "    vhd-util convert --for azure 'it'\\''s a disk.vhdx' 'it'\\''s a disk-azure.vhd'"
out_has "it's a disk.vhdx: not fit for azure (1 refusal)"
out_has "good.vhd: fit for azure"
[ "$before" = "$(sha256sum ./*.vhdx; stat -c %Y ./*.vhdx)" ] ||
	fail "the image was changed"

# One conversion mends all that it can, and is printed once.
run 0 vu create --size 16M small.vhd
run 3 vu lint --for azure small.vhd
[ "$(grep -c '^    vhd-util convert ' "$out")" -eq 1 ] ||
	fail "not one conversion"
out_has "    vhd-util convert --for azure --size 20M 'small.vhd' 'small-azure.vhd'"
out_has "    (the same conversion as above)"
run 0 vu convert --for azure --size 20M small.vhd small-azure.vhd
run 0 vu lint --for azure small-azure.vhd
rm small.vhd small-azure.vhd

# A raw disk is one too, unless its name says otherwise.
truncate -s 24M disk.raw raw.vhdx
run 3 vu lint --for hyperv disk.raw
out_has "raw disk"
run 1 vu lint --for hyperv raw.vhdx
out_empty
one_sentence lint

# A file that cannot be opened does not stop the others.
run 3 vu lint --for azure missing.vhd "it's a disk.vhdx"
out_has "not fit"
err_has "missing.vhd"

run 2 vu lint good.vhd
usage_error lint
err_has "--for TARGET is needed"
run 2 vu lint --for mars good.vhd
usage_error lint
err_has "azure, hyperv, xen, wsl, qemu"

requires python3
run 3 vu lint --json --for azure "it's a disk.vhdx" good.vhd missing.vhd
json_is 'd["target"]' azure
json_is 'len(d["files"])' 3
json_is 'd["files"][0]["result"]' \
	"{'fit': False, 'refused': 1, 'trouble': 0, 'notes': 0}"
json_is 'sorted(d["files"][0]["advice"][0])' \
	"['clause', 'command', 'file', 'kind', 'message']"
json_is 'd["files"][1]["result"]["fit"]' True
json_is 'd["files"][2]["error"]["code"]' VHD_E_IO

# The target of the same name makes what lint wants.
for target in azure hyperv xen wsl qemu; do
	run 0 vu convert --for $target good.vhd made-$target
	mv made-$target ext4.vhdx
	run 0 vu lint --for $target ext4.vhdx
	rm ext4.vhdx
done
run 1 vu create --for qemu --logical-sector 4096 --size 1G large.vhdx
err_has "qemu needs logical sectors of 512 bytes, not 4096"

# Not every file is a disk.
: >empty
echo "Dear diary, no disk today." >text
run 1 vu lint --for azure empty
err_has "the file is empty"
run 1 vu lint --for azure text
err_has "no raw disk: 27 bytes are not whole sectors"
