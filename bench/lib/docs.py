# SPDX-License-Identifier: BSD-2-Clause
"""Puts the report between its marks in performance.md, and the plots beside."""
import os

BEGIN = "<!-- bench/run writes from here -->"
END = "<!-- to here -->"


def replace(path, text):
    with open(path, encoding="utf-8") as f:
        old = f.read()
    if old.count(BEGIN) != 1 or old.count(END) != 1:
        raise SystemExit(f"bench/run: {path} does not have the two lines "
                         f"'{BEGIN}' and '{END}' once each")
    head, rest = old.split(BEGIN)
    tail = rest.split(END)[1]
    put(path, f"{head}{BEGIN}\n\n{text}\n{END}{tail}")


def put(path, text):
    new = path + ".new"
    with open(new, "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(new, path)


def write(folder, text, plots):
    """@plots: {name: text of the file}; older ones with other names stay."""
    replace(os.path.join(folder, "performance.md"), text)
    os.makedirs(os.path.join(folder, "plots"), exist_ok=True)
    for name, svg in plots.items():
        put(os.path.join(folder, "plots", name), svg)
