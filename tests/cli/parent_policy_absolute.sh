#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A recorded absolute path is not followed unasked.
. "$(dirname "$0")/functions.sh"

requires python3
raw_disk disk.raw
mkdir store images
run 0 vu convert disk.raw store/base.vhdx
echo "secret=1" >store/secret

# absolute FILE TARGET: a child that records the absolute path TARGET. The
# locator has no checksum, so a relative path of the same length is replaced.
absolute() {
	placeholder=$(printf '%s' "$2" | sed 's/^..//; s/./a/g')
	run 0 vu create --parent store/base.vhdx --parent-name "$placeholder" \
		"$1"
	python3 -c '
import sys
file, old, new = sys.argv[1], ".\\" + sys.argv[2], sys.argv[3]
data = open(file, "rb").read()
assert data.count(old.encode("utf-16-le")) == 1 and len(old) == len(new)
data = data.replace(old.encode("utf-16-le"), new.encode("utf-16-le"))
open(file, "wb").write(data)' "$1" "$placeholder" "$2"
}

absolute images/child.vhdx "$PWD/store/base.vhdx"
run 0 vu info images/child.vhdx
out_has "$PWD/store/base.vhdx"
err_has "warning:"
run 1 vu convert images/child.vhdx out.raw
one_sentence convert
err_has "hint: allow that place with --parent-dir DIR"
absent out.raw
run 0 vu convert --parent-dir store images/child.vhdx out.raw
starts_with out.raw disk.raw
rm out.raw
run 0 vu convert --any-parent-dir images/child.vhdx out.raw
rm out.raw

# A file that is no image is not read as a parent, wherever it may lie.
absolute images/thief.vhdx "$PWD/store/secret"
for opt in --no-progress --any-parent-dir; do
	run 1 vu convert $opt images/thief.vhdx out.raw
	one_sentence convert
	err_lacks "secret=1"
	absent out.raw
done
