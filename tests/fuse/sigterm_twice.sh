#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Asked twice within five seconds a daemon ends although a file is open, and
# what was written before is in the image, which is closed in order.
. "$(dirname "$0")/functions.sh"

data more 10
for format in vhd vhdx; do
	run 0 vu create --size 64M disk.$format
	up disk.$format m -o log=log
	exec 3<>m/disk.raw
	cat more >&3
	kill -TERM "$daemon"
	eventually grep -q "still in use" log
	kill -TERM "$daemon"
	ended "$daemon"
	not_mounted m || fail "still mounted"
	! echo later 2>/dev/null >&3 || fail "somebody took a write"
	exec 3>&-
	run 0 vu check --quiet disk.$format
	silent
	run 0 vu read --length "$(stat -c %s more)" --output back disk.$format
	same back more
	rm back log
done
