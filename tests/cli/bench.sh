#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bench destroys nothing without --yes, and its numbers add up.
. "$(dirname "$0")/functions.sh"

requires python3
for f in a.vhd a.vhdx; do
	run 0 vu create --size 64M $f
	cp $f keep
	for pattern in write randwrite; do
		run 2 vu bench --pattern $pattern $f
		usage_error bench
		err_has "--yes"
		same $f keep
	done
	run 0 vu bench $f
	out_has "randread of 4 KiB, 1000 times, 1 thread"
	same $f keep
	run 0 vu bench --json --yes --pattern randwrite --count 640 \
		--flush-every 32 --seed 7 $f
	json_is 'd["pattern"], d["count"], d["flushes"]' "('randwrite', 640, 20)"
	json_is 'd["load"]["write_bytes"] >= 640 * 4096' True
	json_is 'd["load"]["flushes"] >= 20' True
	json_is 'd["file_size"] > 0 and d["peak_memory"] > 0' True
	run 0 vu check --quiet $f
	for pattern in write randwrite read randread; do
		run 0 vu bench --yes --pattern $pattern --threads 4 \
			--count 2000 --size 8K --background $f
		err_empty
		out_has "operations/s"
		run 0 vu check --quiet $f
	done
	run 1 vu bench --size 1M --length 512K $f
	one_sentence bench
	run 1 vu bench --offset 64M $f
	one_sentence bench
done
for bad in "--threads 0" "--threads 257" "--count 0" "--size 0" "--size 65M" \
	"--pattern sideways" "--flush-every 0" "--flush-every 4"; do
	# shellcheck disable=SC2086
	run 2 vu bench $bad a.vhdx
	usage_error bench
done
