#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Nothing can be made, removed or renamed in a mount, and the reason given is
# one that people understand.
. "$(dirname "$0")/functions.sh"

run 0 vu create --size 8M disk.vhdx
up disk.vhdx m
for command in "touch m/new" "mkdir m/new" "ln -s x m/new" \
	"ln m/disk.raw m/new" "rm -f m/disk.raw" "rmdir m/new" \
	"mv m/disk.raw m/new" "mkfifo m/new"; do
	# shellcheck disable=SC2086
	said "" $command
	err_lacks "Function not implemented"
	err_lacks "not connected"
	[ "$(ls m)" = disk.raw ] || fail "there is now: $(ls m)"
done
said "No such file" cat m/p9
said "s a directory" cat m
down m
