# SPDX-License-Identifier: BSD-2-Clause
"""Shell scripts pass shellcheck, and those that are run may be run."""

import os
from concurrent.futures import ThreadPoolExecutor

from lint import ROOT, bad, files, finish, read, run

SHELLS = ("#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash", "#!/usr/bin/env sh")
BATCH = 8
AT_ONCE = 2


def scripts():
    """Those for a shell; what is wrong with the others is noted."""
    for path in files("scripts", ".ci", "tests", "tools", "fuse"):
        if path.endswith((".c", ".h", ".xz", ".gz", ".bin", ".vhd", ".vhdx")):
            continue
        text = read(path)
        first = text.split("\n", 1)[0]
        if path.endswith(".bash") and "\n# shellcheck shell=bash\n" in text:
            yield path      # what a shell reads, and nobody runs
            continue
        if not first.startswith("#!"):
            if path.endswith(".sh") and not path.startswith("tests/"):
                bad(f"{path}: has no #! line")
            continue
        if not os.access(os.path.join(ROOT, path), os.X_OK):
            bad(f"{path}: is not executable")
        if first.startswith(SHELLS):
            yield path


def shellcheck(paths):
    return run(["shellcheck", "-x", "-P", "SCRIPTDIR", *paths], cwd=ROOT)


def check(paths):
    """(script, what is said of it) for each that does not pass."""
    if not shellcheck(paths).returncode:
        return []
    # One of them, and who it is shows when each is looked at alone.
    done = ((path, shellcheck([path])) for path in paths)
    return [(path, d.stdout) for path, d in done if d.returncode]


def main():
    found = list(scripts())
    # Scripts that are alike lie side by side, long ones too.
    batches = [found[i:i + BATCH] for i in range(0, len(found), BATCH)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, said in sum(pool.map(check, batches), []):
            bad(f"{path}:{said}")
    finish(f"scripts, {len(found)} of them")


main()
