#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# layers.sh FORMAT
#
# -o layers shows the disk as each layer of the chain has it, layer=N one.
. "$(dirname "$0")/functions.sh"

raw_disk model0
truncate -s 40M model0
run 0 vu convert --format "$1" model0 "0.$1"
for n in 1 2; do
	below=$((n - 1))
	run 0 vu create --parent "$below.$1" "$n.$1"
	seq $((n * 100000)) $((n * 130000)) >extra
	cp "model$below" "model$n"
	for at in 5000 7000000 $((15 << 20)); do
		run 0 vu write --offset $((at * n)) "$n.$1" extra
		poke extra "model$n" $((at * n))
	done
	truncate -s 40M "model$n"
done
up "2.$1" m -r -o layers
for n in 0 1 2; do
	same "m/layers/$n.raw" "model$n"
	dd if="m/layers/$n.raw" of=back bs=1M iflag=direct status=none
	same back "model$n"
done
[ "$(names m/layers)" = "0.raw 1.raw 2.raw " ] || fail "$(names m/layers)"
same m/disk.raw model2
said "Read-only" dd if=/dev/null of=m/layers/0.raw conv=notrunc
down m
for n in 0 1 2; do
	up "2.$1" m -o layer=$n
	same m/disk.raw "model$n"
	said "Read-only" dd if=/dev/null of=m/disk.raw conv=notrunc
	down m
done

# Below a disk that is written to the layers stay what they are.
up "2.$1" m -o layers
poke extra m/disk.raw 1000000 conv=notrunc,fsync
same m/layers/0.raw model0
same m/layers/1.raw model1
down m
