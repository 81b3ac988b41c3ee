#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""work.py [OPTION]...

Real guests on our images.  A first guest makes a GPT with ext4 and NTFS in it,
writes trees, deletes, trims, and has everything checked; a second one gets a
differencing child of that disk, checks what the first one left, and changes
it.  While the guests wait, the space that the image takes on the host is
measured: a trim must give back what was deleted.  Afterwards the image is held
against the rules of its format, and the parent against its old hash.
"""

import argparse
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "support"))
import build_guest  # noqa: E402
import disks  # noqa: E402
import guest  # noqa: E402
import servers  # noqa: E402
from folder import folder  # noqa: E402
from harness import Failure, Report, expect  # noqa: E402

MIB = 1 << 20
SIZE = 600 * MIB
LARGE = 64 * MIB        # the file that a guest deletes before it trims
# A format of a disk and its child, and who serves the two, on which bus.
QUICK = (("vhdx", "file", "virtio-blk", "nbdkit", "virtio-scsi"),
         ("vhd", "nbdkit", "nvme", "dir", "virtio-blk"))


def matrix(kinds):
    """All formats with all servers; the buses take turns."""
    buses = list(guest.DEVICES)
    for number, kind in enumerate(kinds):
        for form in ("vhdx", "vhd"):
            bus = buses[number % len(buses)]
            yield form, kind, bus, kind, bus


def boot(kernel, server, bus, jobs, trims):
    """Run jobs to their end; returns what to say about them."""
    space = {}
    drive = server.start()
    with guest.Guest(kernel, drive, bus, jobs) as vm:
        while words := vm.next():
            if words[0] == "ask":
                space[words[1]] = server.disk.stored()
                vm.answer()
            elif words[0] == "fail":
                raise vm.failure(" ".join(words[1:]), guest.Damage)
            elif words[0] == "done":
                break
        else:
            raise vm.failure("the guest ended too early")
    server.stop()
    server.disk.judge()
    if not trims:
        return ""
    expect(len(space) == 2, "the guest never asked to be measured")
    given = space["full"] - space["trimmed"]
    said = (f"trim {space['full'] / MIB:.1f} -> {space['trimmed'] / MIB:.1f} "
            "MiB")
    expect(given > LARGE * 0.95,
           f"{said}, but {LARGE >> 20} MiB were deleted")
    return said


def pair(report, kernel, tmp, combination, trims):
    """A disk and its child; what the guests did is printed line by line."""
    form, first, first_bus, second, second_bus = combination
    disk = disks.create(os.path.join(tmp, "disk." + form), form, SIZE)

    def one(image, kind, bus, jobs):
        with servers.server(kind, image, tmp) as server:
            try:
                return boot(kernel, server, bus, jobs, trims)
            except Failure as failure:
                raise Failure(f"{failure} {server.said()}") from None

    report.case(f"{form:10} {first:8} {first_bus:11} gpt, ext4, ntfs  ",
                one, disk, first, first_bus, ["ext4", "ntfs"])
    if report.failed:
        pass    # what a second guest would find is no news
    elif form == "raw" or first == "qemu":
        report.case(f"{form:10} {second:8} {second_bus:11} verify, change  ",
                    one, disk, second, second_bus, ["verify", "change"])
    else:
        child = disks.child_of(disk, os.path.join(tmp, "child." + form))
        report.case(
            f"{child.form:10} {second:8} {second_bus:11} verify, change  ",
            one, child, second, second_bus, ["verify", "change"])
    for name in ("disk.", "child."):
        if os.path.exists(os.path.join(tmp, name + form)):
            os.unlink(os.path.join(tmp, name + form))


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    ask.add_argument("--cache", default="guest-cache",
                     help="folder that keeps the kernel")
    ask.add_argument("--all", action="store_true",
                     help="every format with every server of ours")
    ask.add_argument("--server", choices=servers.ALL,
                     help="every format with this server only")
    ask.add_argument("--format", choices=("raw", "vhd", "vhdx"),
                     help="this format only, with --server")
    options = ask.parse_args()

    combinations = QUICK
    if options.all:
        combinations = list(matrix(servers.OURS))
    elif options.server:
        combinations = [c for c in matrix([options.server])
                        if options.format in (None, c[0])]
        if options.format == "raw":
            combinations = [("raw", options.server, "virtio-blk",
                             options.server, "nvme")]
    guest.requirements()
    servers.requirements({c[i] for c in combinations for i in (1, 3)})
    report = Report("guest work")
    start = time.monotonic()
    with folder() as tmp:
        kernel = build_guest.build(os.path.abspath(options.cache), tmp)
        for combination in combinations:
            # QEMU's own drivers of the two formats cannot discard.
            trims = "qemu" not in combination or combination[0] == "raw"
            pair(report, kernel, tmp, combination, trims)
    print(f"{time.monotonic() - start:.0f} seconds")
    report.finish()


if __name__ == "__main__":
    main()
