#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Files are as visible as the image is, or as uid=, gid= and umask= say.
. "$(dirname "$0")/functions.sh"

mode() { stat -c "%a %u %g" "$1"; }
expect() { [ "$(mode "$1")" = "$2" ] || fail "$1: $(mode "$1"), not $2"; }
run 0 vu create --size 8M disk.vhd
chmod 640 disk.vhd
up disk.vhd m
expect m/disk.raw "640 0 0"
expect m "550 0 0"
# Owners and times are taken and forgotten, as cp -p and tar want it.
touch m/disk.raw
down m
chmod 604 disk.vhd
up disk.vhd m
expect m/disk.raw "604 0 0"
down m
up disk.vhd m -o uid=1234,gid=4321,umask=027
expect m/disk.raw "640 1234 4321"
expect m "550 1234 4321"
down m
up disk.vhd m -r -o umask=000
expect m/disk.raw "444 0 0"
expect m "555 0 0"
down m
for bad in uid=x gid=-1 umask=8 umask=1000 uid= ; do
	run 2 vf disk.vhd m -o $bad
	refused
done
