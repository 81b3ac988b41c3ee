# SPDX-License-Identifier: BSD-2-Clause
"""No function over 90 lines, no source over 600, no line over 100 columns."""

import re

from lint import ROOT, bad, files, finish, read, run

FUNCTION, FILE, COLUMNS = 90, 600, 100
TOPS = ("libvhd", "include", "common", "tools", "fuse", "nbdkit", "examples", "tests")


def check_files(paths):
    for path in paths:
        lines = read(path).splitlines()
        if len(lines) > FILE and not path.endswith(".def"):
            bad(f"{path}: {len(lines)} lines, {FILE} is the most")
        for number, line in enumerate(lines, 1):
            width = len(line.expandtabs(8))
            if width > COLUMNS and not path.endswith(".def"):
                bad(f"{path}:{number}: {width} columns")
            if line != line.rstrip():
                bad(f"{path}:{number}: blanks at the end of the line")


def check_functions(paths):
    done = run(["ctags", "-L", "-", "--languages=C", "--kinds-C=f",
                "--language-force=C", "--fields=+ne", "-o", "-"],
               input="\n".join(paths), cwd=ROOT)
    count = 0
    for line in done.stdout.splitlines():
        at = re.search(r"\tline:(\d+)", line)
        end = re.search(r"\tend:(\d+)", line)
        if not at or not end:
            continue
        count += 1
        name, path = line.split("\t")[:2]
        length = int(end.group(1)) - int(at.group(1)) + 1
        if length > FUNCTION:
            bad(f"{path}:{at.group(1)}: {name}() has {length} lines, "
                f"{FUNCTION} is the most")
    return count


SOURCES = files(*TOPS, ext=(".c", ".h", ".def"))
check_files(SOURCES)
COUNT = check_functions([p for p in SOURCES if p.endswith((".c", ".h"))])
if not COUNT:
    bad("ctags found no function at all")
finish(f"sizes, {len(SOURCES)} files and {COUNT} functions")
