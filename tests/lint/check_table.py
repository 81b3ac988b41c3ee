# SPDX-License-Identifier: BSD-2-Clause
"""The generated parts of docs/check.md are up to date: the table of rules, and
the list of what the comparison with other programs was made on."""

import os
import sys

from lint import ROOT, bad, finish, run

done = run([sys.executable, "-B", os.path.join(ROOT, "scripts",
                                               "check-table.py"), "--check"])
for line in done.stdout.splitlines():
    bad(line)
if done.returncode and not done.stdout.strip():
    bad(f"check-table.py ended with {done.returncode}")
finish("check_table")
