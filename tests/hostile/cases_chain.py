# SPDX-License-Identifier: BSD-2-Clause
"""Chains that have no end, and parents that are not to be read."""

import os

import vhd
import vhdx
from case import case, variants
from sparse import join

BAD = (1, 3)
DEPTH = 300
HINT = "--parent-dir"
SECRET = "the secret of somebody else"


def base(path, ident):
    if path.endswith(".vhdx"):
        return vhdx.build(path, ident=ident)
    return vhd.dynamic(path, vhd.footer(ident=ident), vhd.header())


def child(path, ident, parent, name):
    """@name: with backslashes, as it is recorded."""
    if path.endswith(".vhdx"):
        key = "relative_path" if name.startswith(".") else "absolute_win32_path"
        return vhdx.child(path, ident, parent, [(key, name)])
    if name.startswith("."):
        return vhd.child(path, ident, parent, [(b"W2ru", name)])
    return vhd.child(path, ident, parent, [(b"W2ku", name)])


FORMATS = {"vhd": "vhd", "vhdx": "vhdx"}


@variants("chain of 300,", FORMATS, check=BAD, options=("--any-parent-dir",))
def deep(folder, ext):
    base(join(folder, f"0.{ext}"), 1)
    for i in range(1, DEPTH):
        child(join(folder, f"{i}.{ext}"), i + 1, i, f".\\{i - 1}.{ext}")
    return join(folder, f"{DEPTH - 1}.{ext}")


@variants("cycle of two,", FORMATS, check=BAD)
def cycle(folder, ext):
    child(join(folder, f"b.{ext}"), 2, 1, f".\\a.{ext}")
    return child(join(folder, f"a.{ext}"), 1, 2, f".\\b.{ext}")


@variants("its own parent,", FORMATS, check=BAD)
def itself(folder, ext):
    return child(join(folder, f"a.{ext}"), 1, 1, f".\\a.{ext}")


@variants("its own parent by a hard link,", FORMATS, check=BAD)
def hard_link(folder, ext):
    path = child(join(folder, f"a.{ext}"), 1, 1, f".\\b.{ext}")
    os.link(path, join(folder, f"b.{ext}"))
    return path


@variants("its own parent by a symbolic link,", FORMATS, check=BAD)
def symbolic_link(folder, ext):
    path = child(join(folder, f"a.{ext}"), 1, 1, f".\\b.{ext}")
    os.symlink(f"a.{ext}", join(folder, f"b.{ext}"))
    return path


@variants("its own parent by a link to a folder,", FORMATS, check=BAD)
def folder_link(folder, ext):
    path = child(join(folder, f"a.{ext}"), 1, 1, f".\\d\\d\\d\\a.{ext}")
    os.symlink(".", join(folder, "d"))
    return path


@variants("cycle through hard links,", FORMATS, check=BAD)
def linked_cycle(folder, ext):
    path = child(join(folder, f"a.{ext}"), 1, 2, f".\\b.{ext}")
    child(join(folder, f"b.{ext}"), 2, 1, f".\\c.{ext}")
    os.link(path, join(folder, f"c.{ext}"))
    return path


@variants("parent is a link to itself,", FORMATS, check=BAD)
def endless_link(folder, ext):
    os.symlink(f"b.{ext}", join(folder, f"b.{ext}"))
    return child(join(folder, f"a.{ext}"), 1, 2, f".\\b.{ext}")


# What lies outside of the image's folder, in a folder of its own.

def outside(folder, ext):
    store, images = join(folder, "store"), join(folder, "images")
    os.makedirs(store)
    os.makedirs(images)
    base(join(store, f"base.{ext}"), 2)
    return images, store


@variants("parent by ../,", FORMATS, check=BAD, hint=HINT)
def dots(folder, ext):
    images, _ = outside(folder, ext)
    return child(join(images, f"a.{ext}"), 1, 2, f"..\\store\\base.{ext}")


@variants("parent by ./x/../../,", FORMATS, check=BAD, hint=HINT)
def hidden_dots(folder, ext):
    images, _ = outside(folder, ext)
    os.mkdir(join(images, "x"))
    return child(join(images, f"a.{ext}"), 1, 2,
                 f".\\x\\..\\..\\store\\base.{ext}")


@variants("parent by a link out,", FORMATS, check=BAD, hint=HINT)
def link_out(folder, ext):
    images, store = outside(folder, ext)
    os.symlink(join(store, f"base.{ext}"), join(images, f"base.{ext}"))
    return child(join(images, f"a.{ext}"), 1, 2, f".\\base.{ext}")


@variants("parent by a folder that links out,", FORMATS, check=BAD, hint=HINT)
def folder_out(folder, ext):
    images, store = outside(folder, ext)
    os.symlink(store, join(images, "sub"))
    return child(join(images, f"a.{ext}"), 1, 2, f".\\sub\\base.{ext}")


@variants("parent by an absolute path,", {"vhdx": "vhdx"}, check=BAD,
          hint=HINT)
def absolute(folder, ext):
    images, store = outside(folder, ext)
    return child(join(images, f"a.{ext}"), 1, 2, join(store, f"base.{ext}"))


NAMES = {
    "UNC": "\\\\server\\share\\base", "UNC of devices": "\\\\?\\UNC\\s\\x\\y",
    "a volume": "\\\\?\\Volume{0}\\base", "a DOS device": "\\\\.\\PhysicalDrive0",
    "a drive": "C:\\base", "/dev/zero": "/dev/zero", "/dev/tty": "/dev/tty",
    "/dev/stdin": "/dev/stdin", "/proc/self/mem": "/proc/self/mem",
    "/proc/self/exe": "/proc/self/exe", "/proc/self/fd/0": "/proc/self/fd/0",
    "/proc/kmsg": "/proc/kmsg", "/etc/passwd": "/etc/passwd", "/": "/",
}


@variants("vhdx parent is", NAMES, check=BAD, never=("root:",))
def foreign_vhdx(folder, name):
    return child(join(folder, "a.vhdx"), 1, 2, name)


@variants("vhd parent is", NAMES, check=BAD, never=("root:",))
def foreign_vhd(folder, name):
    return child(join(folder, "a.vhd"), 1, 2, name)


# The same, with all folders allowed: what is no regular file is not opened.
@variants("allowed vhdx parent is", NAMES, check=BAD, never=("root:",),
          options=("--any-parent-dir",))
def allowed_vhdx(folder, name):
    return child(join(folder, "a.vhdx"), 1, 2, name)


@variants("vhdx parent is a link to", {
    name: name for name in ("/dev/zero", "/proc/self/fd/0", "/etc/passwd")},
    check=BAD, never=("root:",))
def device_link(folder, target):
    os.symlink(target, join(folder, "b.vhdx"))
    return child(join(folder, "a.vhdx"), 1, 2, ".\\b.vhdx")


@variants("parent is a pipe,", FORMATS, check=BAD)
def pipe(folder, ext):
    os.mkfifo(join(folder, f"b.{ext}"))
    return child(join(folder, f"a.{ext}"), 1, 2, f".\\b.{ext}")


@variants("parent is a folder,", FORMATS, check=BAD)
def directory(folder, ext):
    os.mkdir(join(folder, f"b.{ext}"))
    return child(join(folder, f"a.{ext}"), 1, 2, f".\\b.{ext}")


@variants("parent is a text,", FORMATS, check=BAD, never=(SECRET,),
          options=("--any-parent-dir",))
def secret(folder, ext):
    with open(join(folder, f"b.{ext}"), "w", encoding="utf-8") as f:
        f.write(SECRET * 100)
    return child(join(folder, f"a.{ext}"), 1, 2, f".\\b.{ext}")


# The image itself is something else.
@case("the image is a pipe", check=(1,))
def image_pipe(folder):
    os.mkfifo(join(folder, "a.vhdx"))
    return join(folder, "a.vhdx")


@case("the image is a folder", check=(1,))
def image_folder(folder):
    return folder


@case("the image is a device", check=(1,))
def image_device(_):
    return "/dev/zero"
