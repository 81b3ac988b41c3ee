#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# SIGINT and SIGTERM end a conversion with 130 and nothing is left.
. "$(dirname "$0")/functions.sh"

begun() { sleep "$delay"; }
# stop SIGNAL: false when the conversion was over before.
stop() {
	signalled "$1" "$VHD_UTIL" convert disk.raw out.vhdx >"$out" 2>"$err"
	if [ $got -eq 0 ]; then
		rm out.vhdx
		return 1
	fi
	[ $got -eq 130 ] || fail "status $got after SIG$1"
	err_has "vhd-util convert: cancelled"
	only disk.raw
}

# Enough that it takes a while; a machine that is faster gets more.
for mib in 256 1024 3072; do
	head -c ${mib}M /dev/urandom >disk.raw
	for delay in 0.05 0.2 0.8; do
		if stop INT && stop TERM; then
			exit 0
		fi
	done
done
skip "this machine converts 3 GiB faster than it can be stopped"
