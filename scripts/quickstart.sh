#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# quickstart.sh [IMAGE]
#
# From a fresh Debian 12 to a finished conversion: installs what building needs,
# builds, then works on IMAGE (a VHD or VHDX; it is not changed), or on an image
# that it makes: a file system with files in it.
set -euo pipefail

usage()
{
	echo "Usage: quickstart.sh [IMAGE]"
	echo "Builds vhd-util and shows it at work, on IMAGE if one is given."
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
esac
if (($# > 1)); then
	usage >&2
	exit 2
fi
image=
if (($# == 1)); then
	if [[ ! -r $1 ]]; then
		echo "quickstart.sh: cannot read $1" >&2
		exit 1
	fi
	image=$(realpath "$1")
fi

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

step=0
heading()
{
	step=$((step + 1))
	printf '\n== %d. %s\n' "$step" "$*"
}

# show COMMAND...: print it as a person would type it, then run it.
show()
{
	local words=("${@/#"$util"/vhd-util}")
	words=("${words[@]/#"$fuse"/vhdfuse}")
	printf '\n$%s\n' "$(printf ' %q' "${words[@]}")"
	"$@"
}

util=$PWD/build/tools/vhd-util
fuse=$PWD/build/fuse/vhdfuse

heading "Installing what building needs"
scripts/install-deps.sh --build-only

heading "Building libvhd, vhd-util, vhdfuse and the nbdkit plugin"
# The tests need more packages; a tree that has them already keeps them.
options=()
[[ -e build/CMakeCache.txt ]] || options=(-DBUILD_TESTING=OFF)
log=$(mktemp)
if ! scripts/build.sh release "${options[@]}" >"$log" 2>&1; then
	tail -n 50 "$log" >&2
	echo "quickstart.sh: the build failed; the whole log is $log" >&2
	exit 1
fi
rm -f "$log"
echo "Built $util"
"$util" --version

out=$(mktemp -d "${TMPDIR:-/tmp}/vhd-quickstart.XXXXXX")
cd "$out"

# mount_it IMAGE: read only, and off again.  Needs /dev/fuse.
mount_it()
{
	[[ -x $fuse && -r /dev/fuse && -w /dev/fuse ]] || return 0
	heading "Mounting it, to look inside"
	mkdir mnt
	show "$fuse" -r "$1" mnt
	show ls -l mnt
	show "$fuse" -u mnt
	rmdir mnt
}

# The image of the caller: look at it, then convert it.
on_image()
{
	local base size compared status=0
	base=$(basename "$image")

	heading "What $base is"
	show "$util" info "$image"

	heading "Is it sound?"
	show "$util" check "$image" || status=$?
	if ((status > 0)); then
		echo "(check ended with $status; converting goes on)"
	fi

	heading "Where its data is"
	show "$util" map "$image" | sed -n 1,40p

	mount_it "$image"

	heading "Converting it"
	show "$util" convert "$image" "$base.raw"
	show "$util" convert --format vhdx "$image" "converted.vhdx"
	show "$util" check converted.vhdx
	show "$util" convert converted.vhdx again.raw
	# Holes take time too: of a large disk, compare the first 4 GiB.  A VHDX
	# holds whole sectors, so its disk may be a bit longer.
	size=$(stat -c %s "$base.raw")
	compared=$((size < 4 << 30 ? size : 4 << 30))
	show cmp -n "$compared" "$base.raw" again.raw
	rm -f again.raw
	ls -lsh "$out"

	heading "Done"
	echo "$base was read to its last byte; it was not changed itself."
	echo
	echo "  the disk's bytes    $out/$base.raw"
	echo "  as VHDX             $out/converted.vhdx"
	echo "                      (the same in all $compared bytes compared)"
}

# No image: make a file system with files in it, and send it round.
on_our_own()
{
	heading "Making a disk: an ext4 file system with files in it"
	mkdir files
	cp -r "$source"/README.md "$source"/LICENSE "$source"/include files/
	truncate -s 256M disk.raw
	show mke2fs -q -t ext4 -L quickstart -d files disk.raw

	heading "raw to VHDX"
	show "$util" convert --source-format raw disk.raw disk.vhdx
	show "$util" check disk.vhdx

	heading "VHDX to VHD"
	show "$util" convert disk.vhdx disk.vhd
	show "$util" check disk.vhd

	heading "VHD to raw: are these the bytes that we began with?"
	show "$util" convert disk.vhd back.raw
	show cmp disk.raw back.raw
	echo "Yes, all $(stat -c %s disk.raw) of them."
	show debugfs -R "cat /LICENSE" back.raw 2>/dev/null | sed -n 1,3p

	heading "What vhd-util says about the images"
	show "$util" info disk.vhdx
	show "$util" info disk.vhd
	show "$util" map disk.vhdx | sed -n 1,30p

	mount_it disk.vhdx

	heading "Done"
	ls -lsh "$out"
	echo
	echo "A file system of 256 MiB went from raw to VHDX to VHD and back, byte"
	echo "for byte, and takes little more room than the files in it."
}

source=$OLDPWD
if [[ -n $image ]]; then
	on_image
else
	on_our_own
fi

cat <<EOT

The files are in $out; delete that folder when you have seen enough.
What to try next:

  $util --help
  $util create --size 64T --block-size 1M $out/big.vhdx
  $util info --json $out/big.vhdx
  $fuse --help
  $source/scripts/quickstart.sh YOUR-IMAGE
  $source/scripts/test.sh
EOT
