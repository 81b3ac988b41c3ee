#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# An image that may be read and not written to: what would change it says that it
# cannot be opened, and what would not does its work.
# shellcheck source=tests/classic/lib.sh
. "$(dirname "$0")/lib.sh"

vu create -n p.vhd -s 10
vu snapshot -n c.vhd -p p.vhd
vu snapshot -n data.vhd -p p.vhd
pattern data.vhd 0 8 data
vu create -n k.vhd -s 10
before=$(cat p.vhd c.vhd k.vhd | sha256sum)
mkdir closed
touch journal
chmod 666 journal data.vhd
chmod 444 c.vhd k.vhd p.vhd
chmod 555 closed
chmod 777 .
hash=$(printf %064d 1)

# Root may write to everything.
user() { "$VHD_UTIL" "$@"; }
if [ "$(id -u)" -eq 0 ]; then
	requires setpriv
	user() {
		setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$VHD_UTIL" "$@"
	}
	user --version >/dev/null 2>&1 ||
		skip_host "the programs lie where only root may go"
fi

denied() {
	run 13 user "$@" -n c.vhd
	expect_out 'error opening c.vhd: -13\n'
	expect_err ''
}
denied modify
denied modify -p p.vhd
denied modify -z
denied modify -s 1000000
denied modify -z -s 1000000 -p p.vhd
denied set -f hidden -v 1
denied set -f marker -v 1
denied repair
denied repair -b
denied resize -s 20 -f
denied resize -s 20 -j new.journal
[ ! -e new.journal ] || fail "there is a journal"
denied fill
denied fill -b -f 0 -t 1
run 13 user key -s -n k.vhd -H "$hash"
expect_out ''
expect_err 'failed to open k.vhd: -13\n'
run 13 user coalesce -n data.vhd
expect_out "error opening $T/p.vhd: -13\\nerror coalescing: -13\\n"

run 13 user coalesce -n data.vhd -o closed/new.vhd
expect_out 'error creating closed/new.vhd: -13\nerror coalescing: -13\n'

# Reading is another thing.
run 0 user query -n c.vhd -vsfd
run 0 user read -n c.vhd -p
run 0 user check -n c.vhd -p
run 0 user scan -f c.vhd p.vhd
run 0 user key -p -n k.vhd
run 0 user copy -n k.vhd -N copy.vhd
run 0 user snapshot -n child.vhd -p k.vhd

# What is new cannot be made either.
run 13 user copy -n k.vhd -N closed/copy.vhd
expect_out 'error opening closed/copy.vhd: -13\n'
run 2 user copy -n k.vhd -N nowhere/copy.vhd
expect_out 'error opening nowhere/copy.vhd: -2\n'
run 13 user create -n closed/new.vhd -s 4
expect_err 'closed/new.vhd: failed to create: -13\n'
run 13 user snapshot -n closed/new.vhd -p p.vhd
same "$(cat p.vhd c.vhd k.vhd | sha256sum)" "$before"
