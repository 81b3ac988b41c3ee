# SPDX-License-Identifier: BSD-2-Clause
"""libvhd.so exports what libvhd.map lists and the headers declare, no more and
no less; every global symbol of the archive has our prefix."""

import re
import sys

from lint import bad, files, finish, read, run, strip_comments

SHARED, STATIC = sys.argv[2:4]


def exported():
    done = run(["nm", "-D", "--defined-only", SHARED])
    # "A" is the version node itself.
    return {m.group(1).split("@")[0] for m in
            re.finditer(r"^\w+ [^A] (\S+)$", done.stdout, re.M)}


def mapped():
    text = re.sub(r"/\*.*?\*/", "", read("libvhd/libvhd.map"), flags=re.S)
    found = set()
    for part in re.findall(r"global:(.*?)(?:local:|\})", text, re.S):
        found |= {n.strip() for n in part.split(";") if n.strip()}
    return found


def declared():
    found = set()
    for path in files("include", ext=".h"):
        text = strip_comments(read(path))
        text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)
        found |= set(re.findall(r"\bVHD_API\b[^;(]*?(\w+)\s*\(", text))
    return found


def compare(a, what_a, b, what_b):
    for name in sorted(a - b):
        bad(f"{name}: {what_a} and not {what_b}")
    for name in sorted(b - a):
        bad(f"{name}: {what_b} and not {what_a}")


def check_soname():
    done = run(["readelf", "-dW", SHARED])
    if not re.search(r"SONAME.*\[libvhd\.so\.1\]", done.stdout):
        bad("the SONAME is not libvhd.so.1")


EXPORTED, MAPPED, DECLARED = exported(), mapped(), declared()
compare(EXPORTED, "exported", MAPPED, "in libvhd.map")
compare(DECLARED, "declared in a header", MAPPED, "in libvhd.map")
check_soname()
GLOBAL = set(re.findall(r"^\w+ [A-Z] (\S+)$",
                        run(["nm", "-g", "--defined-only", STATIC]).stdout,
                        re.M))
for symbol in sorted(GLOBAL):
    if not re.match(r"(?:vhd|vhd1|vhdx)_", symbol):
        bad(f"{symbol}: global in the archive without our prefix")
if not EXPORTED or not GLOBAL:
    bad("nm found nothing")
finish(f"symbols, {len(EXPORTED)} exported and {len(GLOBAL)} global")
