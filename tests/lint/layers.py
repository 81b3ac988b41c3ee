# SPDX-License-Identifier: BSD-2-Clause
"""The dependency rule: what libvhd/LAYERS allows is all that is included.

A library file includes <system> headers, "vhd/..." and "LAYER/..." of its own
layer or of one that its layer may use.  Programs and examples include the
public headers, their own, and those of common/, which they share.
"""

import os
import re

from lint import ROOT, bad, files, finish, read

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)
PROGRAMS = ("common", "tools", "fuse", "nbdkit", "examples")


def load_layers():
    """LAYERS as {layer or file: set of layers}."""
    edges = {}
    for line in read("libvhd/LAYERS").splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, allowed = line.split(":", 1)
            edges[name.strip()] = set(allowed.split())
    return edges


def acyclic(edges):
    layers = {n for n in edges if "/" not in n}
    for name in edges:
        for used in edges[name] - layers:
            bad(f"libvhd/LAYERS: {name} uses unknown layer {used}")
    done = set()
    while True:
        ready = {n for n in layers - done if edges[n] <= done}
        if not ready:
            break
        done |= ready
    for name in sorted(layers - done):
        bad(f"libvhd/LAYERS: {name} is part of a cycle")


def includes(path):
    text = read(path)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield line, match.group(1), match.group(2)


def check_library(edges):
    count = 0
    for path in files("libvhd", ext=(".c", ".h")):
        layer = path.split("/")[1]
        local = path[len("libvhd/"):]
        if layer not in edges:
            bad(f"{path}: is in no layer of libvhd/LAYERS")
            continue
        allowed = edges[layer] | edges.get(local, set()) | {layer, "vhd"}
        for line, kind, name in includes(path):
            count += 1
            if kind == "<":
                if name.startswith("vhd/"):
                    bad(f"{path}:{line}: <{name}> should be \"{name}\"")
                continue
            used = name.split("/")[0]
            if "/" not in name or used not in allowed:
                bad(f"{path}:{line}: layer {layer} may not include {name}")
    return count


def check_programs():
    count = 0
    for path in files(*[p for p in PROGRAMS
                        if os.path.isdir(os.path.join(ROOT, p))],
                      ext=(".c", ".h")):
        for line, kind, name in includes(path):
            count += 1
            if name.startswith("vhd/") or kind == "<":
                continue
            if name.startswith("common/") and \
                    os.path.exists(os.path.join(ROOT, name)):
                continue
            here = os.path.join(ROOT, os.path.dirname(path), name)
            top = os.path.join(ROOT, path.split("/")[0], name)
            if not (os.path.exists(here) or os.path.exists(top)) or \
                    ".." in name:
                bad(f"{path}:{line}: a program may not include {name}")
    return count


def check_public():
    """Public headers include three system headers and their siblings."""
    count = 0
    for path in files("include", ext=".h"):
        for line, kind, name in includes(path):
            count += 1
            sibling = os.path.join(ROOT, os.path.dirname(path), name)
            if kind == "<":
                ok = name in ("stdbool.h", "stddef.h", "stdint.h")
            else:
                ok = "/" not in name and os.path.exists(sibling)
            if not ok:
                bad(f"{path}:{line}: a public header may not include {name}")
    return count


LAYERS = load_layers()
acyclic(LAYERS)
TOTAL = check_library(LAYERS) + check_programs() + check_public()
finish(f"layers, {TOTAL} includes")
