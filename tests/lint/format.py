# SPDX-License-Identifier: BSD-2-Clause
"""How far the sources are from what clang-format would write.

Advice: this test only reports.  What it does insist on is tabs.
"""

import re

from lint import ROOT, bad, files, finish, read, run

TOPS = ("libvhd", "include", "common", "tools", "fuse", "nbdkit", "examples", "tests")
SOURCES = files(*TOPS, ext=(".c", ".h"))
OTHER = 0
for path in SOURCES:
    for number, line in enumerate(read(path).splitlines(), 1):
        if re.match(r"\t* {8}", line):
            bad(f"{path}:{number}: indented with blanks")
if SOURCES:
    done = run(["clang-format-14", "--dry-run", *SOURCES], cwd=ROOT)
    OTHER = len(set(re.findall(r"^([^\s:]+):\d+:\d+: warning", done.stdout,
                               re.M)))
finish(f"format, clang-format would change {OTHER} of {len(SOURCES)} files")
