#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The chain of chain.py on devices with the names of logical volumes.
. "$(dirname "$0")/lib.sh"
private_dev "$@"
here=$(dirname "$self")
truncate -s 1M probe
loop_add probe
loop_del "$loop"
python3 -B "$here/$(basename "$0" _volumes.sh).py" volumes "$@"
