#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# static_tools.sh CMAKE SOURCE-FOLDER GENERATOR COMPILER [LAUNCHER]
#
# Builds the two programs with VHD_STATIC, installs them, and lets them work
# where nothing else is to be had.
set -eu

cmake=$1
source=$2
generator=$3
compiler=$4
launcher=${5:-}
here=$PWD/install-static

for library in c popt jansson nettle z uuid ext2fs com_err; do
	archive=$("$compiler" -print-file-name=lib$library.a)
	case $archive in
	/*) ;;
	*)
		echo "SKIP: there is no lib$library.a"
		exit 77
		;;
	esac
done
if ! command -v readelf >/dev/null; then
	echo "SKIP: readelf is not installed"
	exit 77
fi

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

rm -rf "$here"
mkdir -p "$here"
cd "$here"

# Without optimizing: it is the linking that is tried.
"$cmake" -S "$source" -B build -G "$generator" -DVHD_STATIC=ON \
	-DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS=-O0 \
	-DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER_LAUNCHER="$launcher" \
	-DBUILD_TESTING=OFF -DVHD_FUSE=OFF -DVHD_NBDKIT=OFF >log 2>&1 || {
	cat log
	fail "it cannot be configured"
}
timeout 1400 "$cmake" --build build --parallel 2 \
	--target vhd-util --target td-util >log 2>&1 || {
	tail -n 40 log
	fail "it cannot be built"
}
"$cmake" --install build --component tools --prefix "$here/prefix" >log 2>&1 || {
	cat log
	fail "it cannot be installed"
}

for program in vhd-util td-util; do
	at=prefix/bin/$program
	if readelf -lW "$at" | grep -q INTERP; then
		fail "$program wants a loader"
	fi
	if readelf -dW "$at" | grep -q NEEDED; then
		fail "$program wants a library"
	fi
done

printf 'The first bytes of a disk.' >disk.raw
truncate -s 4M disk.raw
env -i prefix/bin/vhd-util convert disk.raw disk.vhdx
env -i prefix/bin/vhd-util convert disk.vhdx - --format raw | cmp - disk.raw ||
	fail "the disk has other bytes"
env -i prefix/bin/td-util create vhd 4 new.vhd
[ "$(env -i prefix/bin/vhd-util query -n new.vhd -v)" = 4 ] ||
	fail "query says something else"
env -i prefix/bin/vhd-util info --json new.vhd >/dev/null
if env -i prefix/bin/vhd-util info nbd://localhost/none 2>err; then
	fail "there is NBD after all"
fi
cat err
cd ..
rm -rf "$here"
