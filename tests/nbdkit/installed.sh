# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# installed.sh CMAKE BUILD-FOLDER
#
# The installed plugin finds the installed library, wherever the prefix is.
set -eu

cmake=$1
build=$2
T=$(mktemp -d "${TMPDIR:-/tmp}/vhd-nbdkit.XXXXXX")
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM

command -v nbdkit >/dev/null 2>&1 || {
	echo "SKIP: not installed: nbdkit"
	exit 77
}
for part in lib nbdkit; do
	"$cmake" --install "$build" --prefix "$T/first" --component $part \
		>"$T/log" 2>&1 || {
		cat "$T/log"
		exit 1
	}
done
mv "$T/first" "$T/moved"
plugin=$(find "$T/moved" -path '*/nbdkit/plugins/nbdkit-vhd-plugin.so')
[ -n "$plugin" ] || {
	echo "FAILED: the plugin is not in a folder nbdkit/plugins"
	exit 1
}
env -u LD_LIBRARY_PATH nbdkit "$plugin" --dump-plugin >"$T/facts"
grep -q '^vhd_version=' "$T/facts" || {
	echo "FAILED: the plugin could not be loaded"
	cat "$T/facts"
	exit 1
}
ldd "$plugin" | grep -qF "$T/moved/" || {
	echo "FAILED: the plugin uses another libvhd"
	ldd "$plugin"
	exit 1
}
