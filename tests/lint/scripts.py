# SPDX-License-Identifier: BSD-2-Clause
"""Shell scripts pass shellcheck, and those that are run may be run."""

import os

from lint import ROOT, bad, files, finish, read, run

SHELLS = ("#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash", "#!/usr/bin/env sh")

COUNT = 0
for path in files("scripts", ".ci", "tests", "tools"):
    if path.endswith((".c", ".h", ".xz", ".gz", ".bin", ".vhd", ".vhdx")):
        continue
    first = read(path).split("\n", 1)[0]
    if not first.startswith("#!"):
        if path.endswith(".sh") and not path.startswith("tests/"):
            bad(f"{path}: has no #! line")
        continue
    if not os.access(os.path.join(ROOT, path), os.X_OK):
        bad(f"{path}: is not executable")
    if first.startswith(SHELLS):
        COUNT += 1
        done = run(["shellcheck", "-x", "-P", "SCRIPTDIR", path], cwd=ROOT)
        if done.returncode:
            bad(f"{path}:{done.stdout}")
finish(f"scripts, {COUNT} of them")
