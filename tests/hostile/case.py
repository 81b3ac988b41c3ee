# SPDX-License-Identifier: BSD-2-Clause
"""A hostile image: how it is made, and what is expected of a check."""

import dataclasses
from typing import Callable

CASES = []


@dataclasses.dataclass
class Case:
    name: str
    make: Callable[[str], str]  # in a folder; returns the image's path
    check: tuple = (0, 1, 3)    # statuses of check that are right
    # Commands whose work the disk that is described justifies: they may take
    # long, but must end at once when they are told to.
    slow: tuple = ()
    options: tuple = ()         # opening options
    # A part of each message on stderr that must not be there, or must.
    never: tuple = ()
    hint: str = ""
    # Other commands than all those that read: as in hostile.py; and files in
    # the folder that must be as before.
    verbs: tuple = ()
    keep: tuple = ()


def case(name, **kwargs):
    """Register a function that makes an image."""
    def add(make):
        CASES.append(Case(name, make, **kwargs))
        return make
    return add


def variants(prefix, values, **kwargs):
    """Register one case for each of @values, {name: argument}."""
    def add(make):
        for name, value in values.items():
            CASES.append(Case(f"{prefix} {name}",
                              lambda folder, v=value: make(folder, v),
                              **kwargs))
        return make
    return add
