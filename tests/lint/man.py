# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages are what the programs' help says now, and mandoc has nothing
to say of them."""

import os
import sys

from lint import ROOT, bad, files, finish, run

done = run([sys.executable, "-B", os.path.join(ROOT, "scripts", "gen-man.py"),
            "--check", *sys.argv[2:4]])
for line in done.stdout.splitlines():
    bad(line)
if done.returncode and not done.stdout.strip():
    bad(f"gen-man.py ended with {done.returncode}")
PAGES = files("tools", "fuse", ext=".1")
for page in PAGES:
    for line in run(["mandoc", "-T", "lint", "-W", "warning", page],
                    cwd=ROOT).stdout.splitlines():
        bad(line)
if len(PAGES) < 4:
    bad(f"there are {len(PAGES)} manual pages; where are the others?")
finish(f"man, {len(PAGES)} pages")
