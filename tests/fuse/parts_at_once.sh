#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Partitions are there when the program that made them is done.
. "$(dirname "$0")/functions.sh"

requires sfdisk
run 0 vu create --size 40M disk.vhdx
up disk.vhdx m
for label in dos gpt dos; do
	[ -n "$(names m)" ] || fail "nothing is there"
	printf 'label: %s\n,20M\n,\n' $label >table
	timeout 120 sfdisk -q --no-reread --no-tell-kernel --wipe always \
		m/disk.raw <table >"$out" 2>"$err" || fail "sfdisk"
	[ "$(names m)" = "disk.raw p1 p2 " ] || fail "$label: $(names m)"
	echo 'label: dos' >table
	timeout 120 sfdisk -q --no-reread --no-tell-kernel --wipe always \
		m/disk.raw <table >"$out" 2>"$err" || fail "sfdisk"
	[ "$(names m)" = "disk.raw " ] || fail "none: $(names m)"
done
down m
