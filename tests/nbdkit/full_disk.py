# SPDX-License-Identifier: BSD-2-Clause
"""A file system that is full: the client is told so, the server stays, and goes
on once there is room.

Runs in a mount namespace of its own, so that its file system is gone with it.
"""

import os
import shutil
import sys

import images
import nbd
from harness import Report, expect, must, noise, run, skip, write_sparse
from server import MIB, Server, prepare, read_disk, sound, vu

INSIDE = "VHD_NBDKIT_NAMESPACE"


def enter():
    """Start again where mounting is allowed and concerns nobody else."""
    if os.environ.get(INSIDE):
        return
    flags = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    if not shutil.which("unshare"):
        skip("not installed: unshare")
    if run("unshare", *flags, "true").returncode:
        skip("no mount namespaces here", host=True)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *flags, sys.executable, "-B",
                          *sys.argv])


def full(image):
    """Written until it is full, then with room again."""
    path = f"small/{image}"
    vu("create", "--force", "--size", "64M", *images.WRITABLE[image], path)
    good = {}
    with Server(path) as s, nbd.Client(s.sock) as c:
        error = 0
        for i in range(64):
            error = nbd.error_of(c.write, i * MIB, noise(i, MIB))
            if error:
                break
            good[i] = noise(i, MIB)
        expect(error == nbd.ENOSPC, f"answered {error}")
        expect(len(good) > 3, f"full after {len(good)} MiB")
        expect(s.alive(), "the server died")
        expect("No space left" in s.said(), s.said())
        # Also where nothing new is needed, and for other requests.
        error = nbd.error_of(c.write, 0, good[0])
        expect(error == 0, f"a write in place answered {error}")
        expect(nbd.error_of(c.write, 60 * MIB, b"x" * MIB) == nbd.ENOSPC,
               "the second write was taken")
        for i, data in good.items():
            expect(c.read(i * MIB, MIB) == data, f"MiB {i} differs")
        os.unlink("small/ballast")
        c.write(60 * MIB, noise(60, MIB))
        good[60] = noise(60, MIB)
        c.flush()
    sound(path)
    disk = read_disk(path)
    for i, data in good.items():
        expect(disk[i * MIB:(i + 1) * MIB] == data, f"MiB {i} is lost")
    return f"{len(good)} MiB fitted"


def case(kind, image):
    os.makedirs("small", exist_ok=True)
    mount = ("-t", "tmpfs", "-o", "size=24m", "none")
    if kind == "ext4":
        write_sparse("ext4.img", 28 * MIB, [])
        must("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "ext4.img")
        mount = ("-o", "loop", "ext4.img")
    done = run("mount", *mount, "small")
    if done.returncode:
        return f"not possible here: {done.stderr.strip()}"
    try:
        with open("small/ballast", "wb") as f:
            f.write(bytes(10 * MIB))
        return full(image)
    finally:
        run("umount", "small")


def main():
    folder = prepare("unshare", "mkfs.ext4")
    os.mkdir("small")
    done = run("mount", "-t", "tmpfs", "-o", "size=24m", "none", "small")
    if done.returncode:
        folder.cleanup()
        skip(f"no file system of our own: {done.stderr.strip()}", host=True)
    run("umount", "small")
    report = Report("nbdkit full disk")
    for kind in ("ext4", "tmpfs"):
        for image in ("dynamic.vhd", "dynamic.vhdx", "small.vhd",
                      "small.vhdx"):
            report.case(f"{kind} {image}", case, kind, image)
    folder.cleanup()
    report.finish()


enter()
main()
