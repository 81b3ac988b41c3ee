# SPDX-License-Identifier: BSD-2-Clause
"""Sources are listed, never globbed, and no file is left out of the lists.

That every listed file exists is CMake's own check.
"""

import os
import re

from lint import bad, files, finish, read

TOPS = ("libvhd", "tools", "fuse", "nbdkit", "tests")


def lists_for(path):
    """The text of the CMake files that may list @path: those of the folders
    above it; for helpers that tests share, those of all tests."""
    if path.startswith("tests/support/"):
        return "".join(read(p) for p in LISTS if p.startswith("tests/"))
    folders = [""]
    for part in os.path.dirname(path).split("/"):
        folders.append(os.path.join(folders[-1], part))
    return "".join(read(p) for p in LISTS if os.path.dirname(p) in folders)


def names_of(path):
    """What a list may call @path: tests go without their extension, and fuzz
    drivers without their prefix."""
    name = os.path.basename(path)
    if not path.startswith("tests/"):
        return {name}
    return {name, name[:-2], name[:-2].removeprefix("fuzz_")}


LISTS = files(ext=("CMakeLists.txt", ".cmake"))
SOURCES = files(*TOPS, ext=".c")
for source in SOURCES:
    if not names_of(source) & set(re.findall(r"[\w.-]+", lists_for(source))):
        bad(f"{source}: is in no CMakeLists.txt")
for listing in files(ext=("CMakeLists.txt", ".cmake")):
    for number, line in enumerate(read(listing).splitlines(), 1):
        if re.search(r"\bfile\s*\(\s*GLOB", line, re.I):
            bad(f"{listing}:{number}: lists sources with a glob")
for path in files(*TOPS, "include", "examples", ext=(".c", ".h", ".def")):
    first = read(path).split("\n", 1)[0]
    if "SPDX-License-Identifier: BSD-2-Clause" not in first:
        bad(f"{path}: the first line is not its licence")
finish(f"sources, {len(SOURCES)} files")
