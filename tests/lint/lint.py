# SPDX-License-Identifier: BSD-2-Clause
"""What the lint tests share: the source root, walking it, reporting."""

import os
import re
import subprocess
import sys

SKIP = 77
ROOT = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "."
_bad = []


def bad(message):
    """Note one violation and go on."""
    _bad.append(message)


def finish(summary):
    """Print what was found and end the program."""
    for message in _bad:
        print(message)
    print(f"{summary}: {len(_bad)} violation(s)")
    sys.exit(1 if _bad else 0)


def skip(reason):
    """End the program as not run; the reason is shown by the test runner."""
    print(f"SKIP: {reason}")
    sys.exit(SKIP)


def run(argv, **kwargs):
    """Run a program, return its completed process with text output."""
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, text=True, **kwargs)
    except FileNotFoundError:
        skip(f"{argv[0]} is not installed")


def ignored(name):
    return name.startswith("build") or name in (".git", ".cache",
                                                "__pycache__")


def files(*tops, ext=None):
    """Paths relative to the root of all files below the given folders."""
    found = []
    for top in tops or (".",):
        for folder, dirs, names in os.walk(os.path.join(ROOT, top)):
            dirs[:] = sorted(d for d in dirs if not ignored(d))
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), ROOT)
                if ext is None or name.endswith(ext):
                    found.append(path)
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8",
              errors="replace") as f:
        return f.read()


def strip_comments(text):
    """C source without comments; lines keep their numbers."""
    def blank(match):
        s = match.group(0)
        return s if s[0] in "\"'" else re.sub(r"[^\n]", " ", s)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
                  r"|/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)
