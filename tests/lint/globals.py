# SPDX-License-Identifier: BSD-2-Clause
"""The library has no writable object: every table is constant and complete
when it is compiled.  Tables of pointers are: they lie in .data.rel.ro, which is
read-only after loading."""

import re
import sys

from lint import bad, finish, run

ARCHIVE = sys.argv[2]
SECTION = re.compile(r"^\s*\[\s*\d+\]\s+(\S+)\s+(\S+)\s+\w+\s+\w+\s+(\w+)"
                     r"\s+\w+\s+([A-Za-z]*)\s")

member, count, objects = "", 0, []
for line in run(["readelf", "-SW", ARCHIVE]).stdout.splitlines():
    if line.startswith("File: "):
        member = line.split("(")[-1].rstrip(")")
        count += 1
    match = SECTION.match(line)
    if not match:
        continue
    name, kind, size, flags = match.groups()
    if "W" not in flags or int(size, 16) == 0:
        continue
    if name.startswith(".data.rel.ro") or kind not in ("PROGBITS", "NOBITS"):
        continue
    objects.append((member, name, int(size, 16)))

for member, name, size in objects:
    bad(f"{member}: {size} writable bytes in {name}")
if objects:
    nm = run(["nm", "-S", "--defined-only", ARCHIVE]).stdout
    for line in re.findall(r"^.* [bBdDC] \S+$|^\S+\.o:$", nm, re.M):
        if not line.endswith(":"):
            print(f"  candidate: {line}")
if not count:
    bad("readelf found no object")
finish(f"globals, {count} objects")
