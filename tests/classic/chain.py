# SPDX-License-Identifier: BSD-2-Clause
"""A chain of thirty images is grown, coalesced from the middle, relinked and
collected by the calls of a storage manager; each disk shows what it should after
every step.

chain.py [volumes]: on loop devices that are named as logical volumes
"""

import random
import sys

from collector import Files, Manager, Volumes, life
from disks import Scratch, verify, verify_device
from storage import Failure

LEVELS = 30


def main():
    volumes = sys.argv[1:] == ["volumes"]
    with Scratch():
        manager = Manager(Volumes() if volumes else Files(),
                          random.Random(30))
        if volumes:
            compare = manager.compare
            manager.compare = lambda what: compare(what, verify_device)
        try:
            leaf = life(manager, LEVELS)
            verify(manager.path(leaf), leaf.content, "at the end")
        except Failure as failure:
            print(f"FAIL: step {manager.steps}: {failure}")
            sys.exit(1)
        print(f"{manager.steps} steps, all disks right after each")


main()
