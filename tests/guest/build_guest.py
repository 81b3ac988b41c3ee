#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""build_guest.py CACHE-DIR

Builds what a test guest boots from: a Linux kernel and an initial RAM disk.

The kernel is the cloud kernel of Debian.  Its package is downloaded and
unpacked, never installed, and kept in CACHE-DIR, so that this happens once for
a build tree.  The RAM disk is made anew for every run, which takes a fraction
of a second: busybox, the modules in the order of their dependencies, the tools
that make and check file systems with their libraries, and the scripts of
init.sh and jobs/.  It is written in cpio's "newc" form by hand, because that is
twenty lines and saves a package.
"""

import fcntl
import glob
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "support"))
from harness import need, run, skip  # noqa: E402

META_PACKAGE = "linux-image-cloud-amd64"
PROGRAMS = ("mke2fs", "e2fsck", "fstrim", "sfdisk", "mkntfs", "ntfs-3g",
            "ntfsfix")
# List of modules a guest loads, by the name that init.sh asks for.
MODULES = {
    "virtio-blk": ("virtio_pci", "virtio_blk"),
    "virtio-scsi": ("virtio_pci", "virtio_scsi", "sd_mod"),
    "nvme": (),
    "fuse": ("fuse",),
}
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def apt_download(into, options=()):
    """Download the kernel's package to @into; None, or why it did not work."""
    done = run("apt-cache", *options, "depends", META_PACKAGE)
    found = re.search(r"Depends: (linux-image-\S+)", done.stdout)
    if not found:
        return f"apt knows no package {META_PACKAGE}"
    done = run("apt-get", *options, "-q", "download", found.group(1), cwd=into)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        return f"apt could not download {found.group(1)}: {lines[-1]}"
    return None


def fetch_package(into):
    """The .deb of the kernel, downloaded to the folder @into."""
    need("apt-get", "apt-cache", "dpkg-deb")
    why = apt_download(into)
    if why:
        # Lists that are old or were removed: fresh ones, for us alone.
        lists = os.path.join(into, "lists")
        os.makedirs(os.path.join(lists, "partial"))
        options = ("-o", f"Dir::State::lists={lists}",
                   "-o", f"Dir::Cache={into}", "-o", "Debug::NoLocking=1")
        run("apt-get", *options, "-q", "update")
        why = apt_download(into, options)
    if why:
        skip(f"no kernel for the guest: {why}")
    return glob.glob(os.path.join(into, "*.deb"))[0]


def fill_cache(cache):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(cache)) as tmp:
        package = fetch_package(tmp)
        tree = os.path.join(tmp, "tree")
        done = run("dpkg-deb", "-x", package, tree)
        if done.returncode:
            skip(f"no kernel for the guest: {done.stderr.strip()}")
        keep = os.path.join(tmp, "keep")
        os.mkdir(keep)
        shutil.move(glob.glob(os.path.join(tree, "boot", "vmlinuz-*"))[0],
                    os.path.join(keep, "vmlinuz"))
        names = {n for group in MODULES.values() for n in group}
        while names:
            names = {dependency for name in names
                     for dependency in keep_module(tree, keep, name)}
        os.rename(keep, cache)


def keep_module(tree, keep, name):
    """Copy one module; returns the names of those it depends on."""
    target = os.path.join(keep, name + ".ko")
    found = glob.glob(f"{tree}/**/kernel/**/{name}.ko", recursive=True)
    if not found:
        skip(f"the kernel's package has no module {name}.ko")
    if not os.path.exists(target):
        shutil.copy(found[0], target)
    return depends(target)


def depends(path):
    """What a module says about itself in its section .modinfo."""
    with open(path, "rb") as f:
        found = re.search(rb"\0depends=([\w,-]*)\0", f.read())
    names = found.group(1).decode().split(",") if found else []
    return [n.replace("-", "_") for n in names if n]


def load_order(cache, names, order=None):
    """File names of the modules @names, each after what it depends on."""
    order = [] if order is None else order
    for name in names:
        load_order(cache, depends(os.path.join(cache, name + ".ko")), order)
        if name + ".ko" not in order:
            order.append(name + ".ko")
    return order


class Cpio:
    """An archive in the form that the kernel unpacks as its first root."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.inode = 0
        self.dirs = set()

    def pad(self):
        self.out.write(bytes(-self.out.tell() % 4))

    def entry(self, name, mode, data):
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                  len(name) + 1, 0)
        self.out.write(b"070701" + b"".join(b"%08x" % n for n in fields))
        self.out.write(name.encode() + b"\0")
        self.pad()
        self.out.write(data)
        self.pad()

    def folder(self, name):
        if name and name not in self.dirs:
            self.folder(os.path.dirname(name))
            self.dirs.add(name)
            self.entry(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name, source, mode=0o755):
        with open(source, "rb") as f:
            self.text(name, f.read(), mode)

    def text(self, name, data, mode=0o644):
        name = name.lstrip("/")
        self.folder(os.path.dirname(name))
        self.entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def close(self):
        self.entry("TRAILER!!!", 0, b"")
        self.out.write(bytes(-self.out.tell() % 512))
        self.out.close()


def libraries(program):
    """Paths of the shared libraries that a program loads."""
    done = run("ldd", program)
    return set(re.findall(r"(?:=>\s*|^\s*)(/\S+)", done.stdout, re.M))


def build_initramfs(cache, target):
    busybox = shutil.which("busybox", path=PATH)
    if not busybox or libraries(busybox):
        skip("not installed: busybox-static")
    cpio = Cpio(target)
    for name in ("proc", "sys", "dev", "mnt", "tmp", "run"):
        cpio.folder(name)
    cpio.file("bin/busybox", busybox)
    cpio.link("bin/sh", "busybox")
    needed = set()
    for name in PROGRAMS:
        path = shutil.which(name, path=PATH)
        if not path:
            skip(f"not installed: {name}")
        cpio.file("tools/" + name, path)
        needed |= libraries(path)
    for path in sorted(needed):
        cpio.file(path, os.path.realpath(path))
    if os.path.exists("/etc/mke2fs.conf"):
        cpio.file("etc/mke2fs.conf", "/etc/mke2fs.conf", 0o644)
    cpio.link("etc/mtab", "/proc/mounts")
    for group, names in MODULES.items():
        order = load_order(cache, names)
        cpio.text(f"modules/{group}", "".join(n + "\n" for n in order).encode())
    for path in sorted(glob.glob(os.path.join(cache, "*.ko"))):
        cpio.file("modules/" + os.path.basename(path), path, 0o644)
    cpio.file("init", os.path.join(HERE, "init.sh"))
    for path in sorted(glob.glob(os.path.join(HERE, "jobs", "*.sh"))):
        cpio.file("jobs/" + os.path.basename(path), path)
    cpio.close()


def build(cache, work):
    """Returns the paths of kernel and RAM disk; the latter lies in @work."""
    if platform.machine() not in ("x86_64", "amd64"):
        skip("the guest is an x86-64 machine", host=True)
    os.makedirs(cache, exist_ok=True)
    kernel = os.path.join(cache, "kernel")
    with open(os.path.join(cache, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(kernel):
            fill_cache(kernel)
    initramfs = os.path.join(work, "initramfs")
    build_initramfs(kernel, initramfs)
    return os.path.join(kernel, "vmlinuz"), initramfs


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__.split("\n", 1)[0], file=sys.stderr)
        sys.exit(2)
    try:
        os.makedirs(sys.argv[1], exist_ok=True)
        print(*build(os.path.abspath(sys.argv[1]), sys.argv[1]), sep="\n")
    except subprocess.SubprocessError as error:
        sys.exit(f"build_guest.py: {error}")
