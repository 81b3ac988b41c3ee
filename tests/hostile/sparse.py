# SPDX-License-Identifier: BSD-2-Clause
"""Files with little in them."""

import errno
import os


class TooLarge(Exception):
    """This file system has no files of that size."""


def write(path, size, pieces=()):
    """A file of @size bytes with [(offset, bytes)] in it, holes elsewhere;
    what lies past the end is cut off."""
    with open(path, "wb") as f:
        try:
            f.truncate(size)
        except OSError as error:
            if error.errno in (errno.EFBIG, errno.EINVAL, errno.ENOSPC):
                raise TooLarge(f"{size} bytes") from error
            raise
        for off, data in pieces:
            if 0 <= off < size:
                f.seek(off)
                f.write(data[:size - off])
    return path


def join(folder, *names):
    return os.path.join(folder, *names)
