# SPDX-License-Identifier: BSD-2-Clause
"""reserve.py FILE: reserve space where somebody writes at the same time."""
import os
import sys
import threading

LENGTH = 64 << 10
COUNT = 1500
DATA = b"A" * LENGTH

fd = os.open(sys.argv[1], os.O_RDWR)
place = -1
over = False


def reserve():
    seen = -1
    while not over:
        at = place
        if at != seen and at >= 0:
            seen = at
            os.posix_fallocate(fd, at, LENGTH)


thread = threading.Thread(target=reserve)
thread.start()
for i in range(COUNT):
    os.pwrite(fd, DATA, i * LENGTH)
    place = i * LENGTH
    if i % 16 == 0:
        os.fdatasync(fd)
over = True
thread.join()
os.fsync(fd)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
lost = sum(os.pread(fd, LENGTH, i * LENGTH) != DATA for i in range(COUNT))
sys.exit(f"{lost} of {COUNT} writes are lost" if lost else 0)
