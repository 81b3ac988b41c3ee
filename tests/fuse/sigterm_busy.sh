#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A daemon that is asked to end while a file is open says so and stays; what
# the client had written and not synced is in the image.
. "$(dirname "$0")/functions.sh"

data more 10
for format in vhd vhdx; do
	run 0 vu create --size 64M disk.$format
	up disk.$format m -o log=log
	exec 3<>m/disk.raw
	cat more >&3
	kill -TERM "$daemon"
	eventually grep -q "still in use" log
	[ -d "/proc/$daemon" ] || fail "it ended"
	is_mounted m || fail "it is not mounted any more"
	# And it serves.
	echo later >&3
	exec 3>&-
	# Long enough after the first that it is not taken for a second.
	sleep 6
	kill -TERM "$daemon"
	ended "$daemon"
	not_mounted m || fail "still mounted"
	run 0 vu check --quiet disk.$format
	silent
	{ cat more; echo later; } >want
	run 0 vu read --length "$(stat -c %s want)" --output back disk.$format
	same back want
	rm back log
done
