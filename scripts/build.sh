#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh [PRESET [CMAKE-OPTION...]]
#
# Configures and builds one preset of CMakePresets.json, "release" by default.
set -euo pipefail

cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true

cmake --preset "$preset" "$@"
cmake --build --preset "$preset" --parallel "$(nproc)"
