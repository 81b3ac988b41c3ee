# SPDX-License-Identifier: BSD-2-Clause
"""Bars as SVG.  One file serves light and dark pages: the reader's setting picks
the colours.  Widths of text are estimated, for nobody measures them here."""
import math
from html import escape

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.h { font-weight: 600; font-size: 14px }
.s { fill: #59636e }
.n { font-variant-numeric: tabular-nums }
.g { stroke: #d1d9e0; stroke-width: 1 }
.m { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 4 3 }
.c0 { fill: #0969da } .c1 { fill: #8c959f } .c2 { fill: #bf8700 }
.c3 { fill: #57606a } .c4 { fill: #1a7f37 } .c5 { fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .s { fill: #9198a1 }
.g { stroke: #3d444d } .m { stroke: #e6edf3 }
.c0 { fill: #4493f8 } .c1 { fill: #656c76 } .c2 { fill: #d29922 }
.c3 { fill: #9198a1 } .c4 { fill: #3fb950 } .c5 { fill: #ab7df8 }
}
"""
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 170, 70, 14, 12


def ticks(top):
    """Round numbers from 0 to @top, some five of them."""
    step = 10 ** math.floor(math.log10(top / 4))
    for more in (5, 2.5, 2):
        if top / (step * more) >= 4:
            step *= more
            break
    return [i * step for i in range(int(top / step) + 1)]


def powers(low, top):
    return [10.0 ** i for i in range(math.floor(math.log10(low)),
                                     math.ceil(math.log10(top)) + 1)]


def short(value):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            scale = {"G": 1e9, "M": 1e6, "k": 1e3}[unit]
            return f"{value / scale:.3g}{unit}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def tick(value):
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


class Bars:
    """Groups of horizontal bars.

    rows: [(label, [value or None for each name])]; mark: (value, what) of a
    line across all of them."""

    def __init__(self, title, note, names, rows, mark=None, log=False):
        self.title, self.note, self.names = title, note, names
        self.rows = [r for r in rows if any(v is not None for v in r[1])]
        self.mark, self.log = mark, log
        self.parts = []

    def text(self, x, y, words, css="", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" '
                          f'text-anchor="{anchor}">{escape(words)}</text>')

    def line(self, x, top, bottom, css):
        self.parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" '
                          f'y2="{bottom:.1f}" class="{css}"/>')

    def legend(self, y):
        x = LEFT
        for i, name in enumerate(self.names):
            self.parts.append(f'<rect x="{x}" y="{y - 10}" width="11" '
                              f'height="11" rx="2" class="c{i}"/>')
            self.text(x + 16, y, name)
            x += 34 + 7 * len(name)

    def scale(self):
        """Ticks, and where a value is."""
        values = [v for _, r in self.rows for v in r if v]
        room = WIDTH - LEFT - RIGHT
        if self.log:
            marks = powers(min(values), max(values))
            low, span = math.log10(marks[0]), math.log10(marks[-1] / marks[0])
            return marks, lambda v: LEFT + room * max(
                0.0, (math.log10(max(v, marks[0])) - low) / (span or 1))
        top = max(values + ([self.mark[0]] if self.mark else []))
        return ticks(top), lambda v: LEFT + room * v / top

    def draw(self):
        """The text of the file."""
        marks, place = self.scale()
        top = 84
        heights = [BAR * sum(v is not None for v in r) + GAP
                   for _, r in self.rows]
        bottom = top + sum(heights)
        self.text(16, 24, self.title, "h")
        self.text(16, 43, self.note, "s")
        self.legend(68)
        for value in marks:
            self.line(place(value), top - 4, bottom, "g")
            self.text(place(value), bottom + 16, tick(value), "s n", "middle")
        if self.mark:
            self.line(place(self.mark[0]), top - 4, bottom, "m")
            self.text(place(self.mark[0]), bottom + 32, self.mark[1], "s",
                      "middle")
        y = top
        for (label, values), height in zip(self.rows, heights):
            self.text(LEFT - 10, y + (height - GAP) / 2 + 4, label, "", "end")
            there = [(i, v) for i, v in enumerate(values) if v is not None]
            for at, (i, value) in enumerate(there):
                self.bar(y + at * BAR, i, value, place)
            y += height
        height = bottom + (42 if self.mark else 26)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
                f'height="{height}" viewBox="0 0 {WIDTH} {height}" '
                f'role="img" aria-label="{escape(self.title, True)}">\n'
                f'<style>{STYLE}</style>\n' + "\n".join(self.parts) +
                "\n</svg>\n")

    def bar(self, y, i, value, place):
        width = max(place(value) - LEFT, 1)
        self.parts.append(f'<rect x="{LEFT}" y="{y + 1}" width="{width:.1f}" '
                          f'height="{BAR - 2}" rx="2" class="c{i}"/>')
        self.text(LEFT + width + 5, y + 11, short(value), "n")
