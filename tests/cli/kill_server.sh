#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A writer that is killed loses nothing that was flushed, and no more than the
# last second of what was not.
. "$(dirname "$0")/functions.sh"

: "${KILL_WRITER:?is not set}"
images 128
rm fixed.vhd fixed.vhdx sector.vhdx
seed=${KILL_SEED:-1}
rounds=3
[ -z "${VHD_SOAK:-}" ] || rounds=8
for f in $images; do
	[ -e "$f" ] || continue
	"$KILL_WRITER" kill "$f" "$seed" "${KILL_ROUNDS:-$rounds}" >"$out" 2>"$err" ||
		fail "$f, seed $seed: status $?"
	sed "s/^/$f: /" "$out"
	seed=$((seed + 1))
done
