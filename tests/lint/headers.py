# SPDX-License-Identifier: BSD-2-Clause
"""Each public header compiles alone, as strict C17 and as C++17, and defines
nothing without our prefix."""

import os
import re
import shutil

from lint import ROOT, bad, files, finish, read, run, skip, strip_comments

FLAGS = ["-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
LANGUAGES = (
    ("gcc", ["-std=c17", "-Wstrict-prototypes", "-Wundef", "-x", "c"]),
    ("g++", ["-std=c++17", "-Wundef", "-x", "c++"]),
    ("clang-14", ["-std=c17", "-Wundef", "-x", "c"]),
)
BASE = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"


def compiles(header):
    source = f'#include "{header}"\n#include "{header}"\n'
    for compiler, flags in LANGUAGES:
        if not shutil.which(compiler):
            skip(f"{compiler} is not installed")
        done = run([compiler, *FLAGS, *flags, "-"], input=source,
                   cwd=os.path.join(ROOT, "include"))
        if done.returncode:
            bad(f"include/{header}: {compiler} {flags[0]}:\n{done.stdout}")


def macros(source):
    done = run(["gcc", "-std=c17", "-dM", "-E", "-x", "c", "-"],
               input=source, cwd=os.path.join(ROOT, "include"))
    return set(re.findall(r"^#define (\w+)", done.stdout, re.M))


def prefixed(header):
    for name in sorted(macros(BASE + f'#include "{header}"\n') -
                       macros(BASE)):
        if not name.startswith("VHD_"):
            bad(f"include/{header}: defines {name}")


def tags(header):
    """Names at file scope: types, enumerators, functions, typedefs."""
    text = strip_comments(read(f"include/{header}"))
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    found = re.findall(r"\b(?:struct|enum|union)\s+(\w+)", text)
    found += re.findall(r"\btypedef\b[^;]*?\(\s*\*\s*(\w+)", text)
    for body in re.findall(r"\benum\b[^;{]*\{([^}]*)\}", text):
        found += [e.split("=")[0].strip() for e in body.split(",")]
    found += re.findall(r"\bVHD_API\b[^;(]*?(\w+)\s*\(", text)
    for name in sorted(set(found)):
        if name and not re.match(r"(?:VHD|vhd)_", name):
            bad(f"include/{header}: names {name}")


def version():
    """The project, the header's numbers and its text agree."""
    project = re.search(r"project\(libvhd VERSION ([\d.]+)",
                        read("CMakeLists.txt")).group(1)
    text = read("include/vhd/types.h")
    numbers = ".".join(re.search(rf"VHD_VERSION_{part} (\d+)", text).group(1)
                       for part in ("MAJOR", "MINOR", "PATCH"))
    string = re.search(r'VHD_VERSION_STRING "([^"]*)"', text).group(1)
    if not project == numbers == string:
        bad(f"versions differ: {project} in CMakeLists.txt, {numbers} and "
            f"{string} in types.h")


HEADERS = [p[len("include/"):] for p in files("include", ext=".h")]
for h in HEADERS:
    compiles(h)
    prefixed(h)
    tags(h)
version()
finish(f"headers, {len(HEADERS)} of them")
