#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# consumers.sh CMAKE BUILD-FOLDER EXAMPLES-FOLDER
#
# Installs the build with a prefix and with DESTDIR, then builds the example
# program in each way that users have (pkg-config with the shared library and
# with the archive, find_package) and lets every result read a disk.
set -eu

cmake=$1
build=$2
examples=$3
here=$PWD/install-consumers

for program in pkg-config make; do
	if ! command -v "$program" >/dev/null; then
		echo "SKIP: $program is not installed"
		exit 77
	fi
done

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

rm -rf "$here"
mkdir -p "$here"
prefix=$here/prefix
"$cmake" --install "$build" --prefix "$prefix" >"$here/install.log"
DESTDIR=$here/dest "$cmake" --install "$build" >>"$here/install.log"
cat "$here/install.log"

# What has to be there, whatever the folder for libraries is called.
pc=$(find "$prefix" -name libvhd.pc)
lib=$(dirname "$(dirname "$pc")")
for file in "$prefix/include/vhd/vhd.h" "$prefix/bin/vhd-util" \
	"$prefix/bin/td-util" \
	"$prefix/share/man/man1/vhd-util.1" \
	"$prefix/share/man/man1/vhd-util-classic.1" \
	"$prefix/share/man/man1/td-util.1" \
	"$prefix/share/bash-completion/completions/vhd-util" \
	"$prefix/share/bash-completion/completions/td-util" \
	"$lib/libvhd.so" "$lib/libvhd.so.1" "$lib/libvhd.a" \
	"$lib/cmake/vhd/vhd-config.cmake"; do
	[ -e "$file" ] || fail "$file is not installed"
done
if [ -e "$prefix/bin/vhdfuse" ]; then
	for file in man/man1/vhdfuse.1 bash-completion/completions/vhdfuse; do
		[ -e "$prefix/share/$file" ] || fail "share/$file is not installed"
	done
fi
# The shell knows them by what they define, not by their names.
for file in "$prefix"/share/bash-completion/completions/*; do
	grep -q "^complete .* ${file##*/}\$" "$file" ||
		fail "$file completes something else"
done
[ -n "$(find "$here/dest" -name 'libvhd.so.1')" ] || fail "DESTDIR is ignored"
if grep -rlF "$here" "$(dirname "$pc")" "$lib/cmake"; then
	fail "an installed file names the folder it was installed to"
fi

# A disk to read: the installed program makes it from bytes that we know.
printf 'The first bytes of a disk, as a guest sees them.' >"$here/disk.raw"
truncate -s 5M "$here/disk.raw"
"$prefix/bin/vhd-util" convert --source-format raw --format vhdx \
	"$here/disk.raw" "$here/disk.vhdx"

# reads NAME PROGRAM: the program prints the size and the text.
reads()
{
	LD_LIBRARY_PATH=$lib "$2" "$here/disk.vhdx" 0 48 >"$here/$1.out" ||
		fail "$1: the program failed"
	grep -q '5242880 bytes in 1 layer' "$here/$1.out" || fail "$1: wrong size"
	grep -q 'The first bytes ' "$here/$1.out" || fail "$1: wrong bytes"
	echo "ok: $1"
}

PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
make -s -C "$examples" OUT="$here/shared"
reads shared "$here/shared"
readelf -d "$here/shared" | grep -q 'libvhd.so.1' ||
	fail "the shared library is not used"

make -s -C "$examples" STATIC=1 OUT="$here/static"
reads static "$here/static"
if readelf -d "$here/static" | grep -q 'libvhd.so'; then
	fail "the archive is not used"
fi

"$cmake" -S "$examples" -B "$here/find" -DCMAKE_PREFIX_PATH="$prefix" \
	-DCMAKE_BUILD_TYPE=Release >"$here/find.log" || {
	cat "$here/find.log"
	fail "find_package"
}
"$cmake" --build "$here/find" >>"$here/find.log" || {
	cat "$here/find.log"
	fail "building with find_package"
}
reads find_package "$here/find/read-disk"
reads find_package_static "$here/find/read-disk-static"
if "$here/find/read-disk" "$here/disk.raw" 2>"$here/refused.err"; then
	fail "a raw file was taken for an image"
fi
cat "$here/refused.err"
rm -rf "$here"
