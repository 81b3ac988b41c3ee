# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of rows share: a folder for one case, and edits in it."""

import os

from harness import must
from vhd_bytes import Vhd
from vhdx_bytes import Vhdx


class RowBench:
    """A folder for one case, and the program."""

    def __init__(self, util, where):
        self.util = util
        self.where = where

    def path(self, name):
        return os.path.join(self.where, name)

    def vu(self, *argv):
        return must(self.util, *argv, cwd=self.where)


# Edits are called with the bench and the name of an image.

def vhd(change):
    def edit(b, name):
        with Vhd(b.path(name)) as v:
            change(v)
    return edit


def vhdx(change):
    def edit(b, name):
        with Vhdx(b.path(name)) as v:
            change(v)
    return edit
