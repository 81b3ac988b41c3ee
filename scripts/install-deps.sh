#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# install-deps.sh [--build-only]
#
# Installs the Debian or Ubuntu packages that building and testing need.
# --build-only leaves out what only the tests use.  Does nothing, and needs
# neither network nor root, when everything is there.
set -euo pipefail

build=(
	gcc libc6-dev cmake ninja-build pkg-config uuid-dev
	libpopt-dev libjansson-dev zlib1g-dev libfuse3-dev nbdkit-plugin-dev
	libext2fs-dev nettle-dev libnbd-dev
	fuse3 e2fsprogs
)
tests=(
	check libsubunit-dev g++ make binutils python3
	qemu-utils libvhdi-utils p7zip-full ntfs-3g xz-utils jq time strace
	nbdkit libnbd-bin fio fdisk gdisk fuse2fs mount procps util-linux mandoc
	qemu-system-x86 qemu-system-common busybox-static cpio kmod dosfstools
	xfsprogs btrfs-progs exfatprogs exfat-fuse mtools lvm2 attr dmsetup openssl
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-s390x-linux-gnu
	libc6-dev-s390x-cross qemu-user-static
	clang-14 libclang-rt-14-dev clang-format-14 universal-ctags shellcheck
)

packages=("${build[@]}")
case ${1-} in
--build-only) ;;
"") packages+=("${tests[@]}") ;;
*)
	echo "Usage: install-deps.sh [--build-only]" >&2
	exit 2
	;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	echo "install-deps.sh: this is no Debian or Ubuntu; please install what" \
		"these packages hold: ${packages[*]}" >&2
	exit 1
fi

missing=()
for package in "${packages[@]}"; do
	state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
	[[ $state == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
	echo "All ${#packages[@]} packages are installed."
	exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
	if ! command -v sudo >/dev/null; then
		echo "install-deps.sh: root is needed to install: ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

apt()
{
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get \
		-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -q "$@"
}

echo "Installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# An old list of packages often serves; a failure of update is no failure yet.
apt update >"$log" 2>&1 || tail -n 5 "$log" >&2
if ! apt install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "install-deps.sh: apt-get could not install them." >&2
	exit 1
fi
echo "Installed ${#missing[@]} packages."
