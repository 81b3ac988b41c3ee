# SPDX-License-Identifier: BSD-2-Clause
"""Other implementations read what we write, and we read what they write.

interop.py VHD-UTIL GROUP [PATTERN]
"""

import fnmatch
import json
import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))

import judges  # noqa: E402
import writer  # noqa: E402
from harness import (Report, expect, must, need, noise, run, same_content,
                     scratch, write_sparse)
from judges import GIB, MIB, Spec

TOOL = sys.argv[1]
GROUP = sys.argv[2]
PATTERN = sys.argv[3] if len(sys.argv) > 3 else "*"
WHERE = scratch(f"interop-{GROUP}")
REPORT = Report(f"interop/{GROUP}")


def at(name):
    return os.path.join(WHERE, name)


def case(name, function, *args):
    if fnmatch.fnmatch(name, PATTERN):
        REPORT.case(name, function, *args)


def raw_disk(size, block=2 * MIB, key="disk"):
    """A raw file with data where mistakes show: both ends, across the border
    of two blocks, the middle, and a whole block; @size is a multiple of 512."""
    path = at(f"{key}-{size}-{block}.raw")
    if os.path.exists(path):
        return path
    wanted = [(0, 1536), (size // 2 // 512 * 512, 70000), (size - 512, 512),
              (block - 1024, 4096), (3 * block, block + 512),
              (7 * block + 4096, 8192)]
    runs = []
    for off, length in wanted:
        length = min(length, size - off, 8 * MIB)
        if off < size and length > 0:
            runs.append((off, noise((size, off), length)))
    write_sparse(path, size, runs)
    return path


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)


def back_to_raw(image, raw, *args):
    """Our own reading of an image gives the bytes of @raw."""
    out = image + ".back"
    must(TOOL, "convert", "--format", "raw", *args, image, out)
    expect(os.stat(out).st_size == os.stat(raw).st_size,
           f"read back {os.stat(out).st_size} bytes")
    where = same_content(out, raw)
    expect(where is None, f"read back other bytes at {where}")
    remove(out)


def check_clean(image):
    done = run(TOOL, "check", image)
    expect(done.returncode == 0, f"our check ended with {done.returncode}: "
           f"{done.stdout}{done.stderr}")


def options(spec):
    args = ["--format", spec.fmt, "--type", spec.type]
    if spec.block:
        args += ["--block-size", str(spec.block)]
    if spec.sector != 512:
        args += ["--logical-sector", str(spec.sector)]
    return args


def label(spec):
    words = [spec.fmt, spec.type, str(spec.size)]
    if spec.block:
        words.append(f"b{spec.block // 1024}K")
    if spec.sector != 512:
        words.append(f"s{spec.sector}")
    return "-".join(words)


def converted(spec):
    """raw -> image -> every judge, and back."""
    image = at(f"{label(spec)}.{spec.fmt}")
    raw = raw_disk(spec.size, spec.block or 2 * MIB)
    must(TOOL, "convert", "--source-format", "raw", *options(spec), raw, image)
    judges.judge(image, raw, spec)
    back_to_raw(image, raw)
    check_clean(image)
    remove(image)


def across(first, second):
    """An image converted into another one is judged like one made from raw."""
    raw = raw_disk(first.size, first.block or 2 * MIB)
    a, b = at(f"a.{first.fmt}"), at(f"b.{second.fmt}")
    must(TOOL, "convert", "--source-format", "raw", *options(first), raw, a)
    must(TOOL, "convert", *options(second), a, b)
    judges.judge(b, raw, second)
    check_clean(b)
    remove(a, b)


def group_vhd():
    for kind in ("dynamic", "fixed"):
        for size in (3 * MIB, 10486272, 104448, 40 * MIB, 127 * MIB + 512):
            case(f"{kind}-{size}", converted, Spec("vhd", kind, size))
    for block in (512 << 10, 4 * MIB):
        case(f"block-{block}", converted,
             Spec("vhd", "dynamic", 41 * MIB, block))
    for a, b in (("fixed", "dynamic"), ("dynamic", "fixed")):
        case(f"{a}-to-{b}", across, Spec("vhd", a, 20 * MIB),
             Spec("vhd", b, 20 * MIB))


def group_vhdx():
    for kind in ("dynamic", "fixed"):
        for size in (MIB, 9441792, 100 * MIB, 67 * MIB + 4096):
            case(f"{kind}-{size}", converted, Spec("vhdx", kind, size))
        case(f"{kind}-4k-sectors", converted,
             Spec("vhdx", kind, 70 * MIB + 4096, MIB, 4096))
    for block in (1, 2, 8, 32, 256):
        case(f"block-{block}M", converted,
             Spec("vhdx", "dynamic", 70 * MIB, block * MIB))
    case("fixed-block-256M", converted,
         Spec("vhdx", "fixed", 70 * MIB, 256 * MIB))
    for a, b in (("vhd", "vhdx"), ("vhdx", "vhd")):
        for kind in ("dynamic", "fixed"):
            case(f"{a}-to-{b}-{kind}", across, Spec(a, "dynamic", 20 * MIB),
                 Spec(b, kind, 20 * MIB))


def group_large():
    """Past 4 GiB, with data at both ends: sizes that do not fit 32 bits, and
    in VHDX more than one chunk of the table."""
    specs = (Spec("vhd", "dynamic", 5 * GIB + 512),
             Spec("vhd", "fixed", 5 * GIB),
             Spec("vhdx", "dynamic", 5 * GIB + 4096, MIB),
             Spec("vhdx", "dynamic", 4 * GIB + 9 * MIB, 2 * MIB),
             Spec("vhdx", "dynamic", 5 * GIB, MIB, 4096),
             Spec("vhdx", "fixed", 5 * GIB, 8 * MIB))
    for spec in specs if os.environ.get("VHD_SOAK") else specs[::2]:
        case(label(spec), converted, spec)
        remove(raw_disk(spec.size, spec.block or 2 * MIB))


def created(spec, *extra):
    """An image that holds nothing yet reads as zeros for everybody."""
    image = at(f"new.{spec.fmt}")
    raw = at("zeros.raw")
    write_sparse(raw, spec.size, [])
    must(TOOL, "create", "--size", str(spec.size), *options(spec), *extra,
         image)
    judges.judge(image, raw, spec)
    check_clean(image)
    used = os.stat(image).st_blocks * 512
    remove(image, raw)
    return f"{used // 1024} KiB on disk"


def for_target(target, spec, whole):
    """--for: made without further options, then judged; @whole: no holes."""
    image = at(f"{target}.{spec.fmt}")
    raw = at("zeros.raw")
    write_sparse(raw, spec.size, [])
    must(TOOL, "create", "--size", str(spec.size), "--for", target, image)
    judges.judge(image, raw, spec)
    st = os.stat(image)
    expect(not whole or st.st_blocks * 512 >= st.st_size,
           f"{target}: the file has holes")
    remove(image, raw)


def refuses_overwrite():
    image = at("twice.vhdx")
    must(TOOL, "create", "--size", "16M", image)
    before = open(image, "rb").read()
    must(TOOL, "create", "--size", "16M", image, status=1)
    expect(open(image, "rb").read() == before, "the file was changed")
    must(TOOL, "create", "--size", "16M", "--force", image)
    remove(image)


def reproducible(fmt):
    """SOURCE_DATE_EPOCH and --uuid give the same file twice."""
    env = dict(os.environ, SOURCE_DATE_EPOCH="1700000000")
    uuid = "7a3cf1de-29d1-4e5b-9d6c-3f3a8b1c5e21"
    made = []
    for name in ("one", "two"):
        image = at(f"{name}.{fmt}")
        must(TOOL, "create", "--size", "64M", "--uuid", uuid, image, env=env)
        made.append(open(image, "rb").read())
        remove(image)
    expect(made[0] == made[1], "two runs differ")


def group_create():
    for kind in ("dynamic", "fixed"):
        for size in (3 * MIB, 10486272, 100 * MIB):
            case(f"vhd-{kind}-{size}", created, Spec("vhd", kind, size))
            case(f"vhdx-{kind}-{size}", created, Spec("vhdx", kind, size))
    for block in (1, 8, 256):
        case(f"vhdx-block-{block}M", created,
             Spec("vhdx", "dynamic", GIB, block * MIB))
    case("vhdx-4k-sectors", created,
         Spec("vhdx", "dynamic", 100 * MIB, 0, 4096))
    case("for-azure", for_target, "azure",
         Spec("vhd", "fixed", 32 * MIB), False)
    case("for-hyperv", for_target, "hyperv",
         Spec("vhdx", "dynamic", 32 * MIB), True)
    case("for-xen", for_target, "xen", Spec("vhd", "dynamic", 32 * MIB), False)
    case("for-wsl", for_target, "wsl", Spec("vhdx", "dynamic", 32 * MIB), False)
    case("refuses-overwrite", refuses_overwrite)
    for fmt in ("vhd", "vhdx"):
        case(f"reproducible-{fmt}", reproducible, fmt)


def child_of(fmt, depth, sector):
    """A chain of children that hold nothing: all judges see the parent."""
    spec = Spec(fmt, "dynamic", 20 * MIB, 0, sector)
    raw = raw_disk(spec.size)
    names = [at(f"layer{n}.{fmt}") for n in range(depth + 1)]
    must(TOOL, "convert", "--source-format", "raw", *options(spec), raw,
         names[0])
    for parent, child in zip(names, names[1:]):
        must(TOOL, "create", "--parent", parent, child)
    child = Spec(fmt, "differencing", spec.size, 0, sector)
    judges.judge_vhdiinfo(names[-1], raw, child)
    if fmt == "vhd" or depth == 1:
        judges.judge_7z(names[-1], raw, child)
    back_to_raw(names[-1], raw)
    check_clean(names[-1])
    remove(*names)


def apply(raw, runs):
    with open(raw, "r+b") as f:
        for off, data in runs:
            f.seek(off)
            f.write(data)


def written_children(fmt, sector=512):
    """Two children with a few sectors each, in blocks of the parent and in
    others: what shows is the newest, sector by sector."""
    block = 2 * MIB
    spec = Spec(fmt, "dynamic", 20 * MIB, block, sector)
    raw = raw_disk(spec.size, key=f"children-{fmt}-{sector}")
    names = [at(f"gen{n}-{sector}.{fmt}") for n in range(3)]
    must(TOOL, "convert", "--source-format", "raw", *options(spec), raw,
         names[0])
    # Whole bytes of the bitmap: libvhdi misreads others (VHD-S-9).
    unit = 8 * sector
    for n, name in enumerate(names[1:], 1):
        # libvhdi finds a VHDX's parent by its Windows path only.
        must(TOOL, "create", "--parent", names[n - 1],
             "--parent-windows-path",
             "C:\\VM\\" + os.path.basename(names[n - 1]),
             "--block-size", str(block), name)
        runs = [(0, noise((n, 0), unit * n)),
                (block - unit, noise((n, 1), 2 * unit)),
                ((4 + n) * block + 3 * unit, noise((n, 2), unit)),
                (spec.size - unit, noise((n, 3), unit))]
        if fmt == "vhd":
            writer.write_vhd(name, runs)
        else:
            writer.write_vhdx(name, runs, block, sector)
        apply(raw, runs)
        child = Spec(fmt, "differencing", spec.size, block, sector)
        judges.judge_vhdiinfo(name, raw, child)
        judges.judge_vhdimount(name, raw, child)
        judges.judge_7z(name, raw, child)
        back_to_raw(name, raw)
        check_clean(name)
    flat = at(f"flat.{fmt}")
    must(TOOL, "convert", *options(spec), names[-1], flat)
    judges.judge(flat, raw, spec)
    remove(*names, flat, raw)


def missing_parent(fmt):
    """Never silent zeros: the message names the file that was looked for."""
    parent, child = at(f"gone.{fmt}"), at(f"orphan.{fmt}")
    must(TOOL, "create", "--size", "16M", parent)
    must(TOOL, "create", "--parent", parent, child)
    remove(parent)
    done = must(TOOL, "convert", "--format", "raw", child, at("x.raw"),
                status=1)
    expect(f"gone.{fmt}" in done.stderr, f"no name in: {done.stderr}")
    expect(not os.path.exists(at("x.raw")), "a file was left behind")
    remove(child)


def wrong_parent(fmt):
    """Another image under the parent's name is not taken for it."""
    parent, child = at(f"swapped.{fmt}"), at(f"child.{fmt}")
    must(TOOL, "create", "--size", "16M", parent)
    must(TOOL, "create", "--parent", parent, child)
    must(TOOL, "create", "--size", "16M", "--force", "--orphan", parent)
    must(TOOL, "convert", "--format", "raw", child, at("x.raw"), status=1)
    must(TOOL, "convert", "--format", "raw", "--parent", parent, child,
         at("x.raw"), status=1)
    remove(parent, child)


def group_diff():
    for fmt in ("vhd", "vhdx"):
        for depth in (1, 3):
            case(f"{fmt}-depth-{depth}", child_of, fmt, depth, 512)
        case(f"{fmt}-written-children", written_children, fmt)
        case(f"{fmt}-missing-parent", missing_parent, fmt)
        case(f"{fmt}-wrong-parent", wrong_parent, fmt)
    case("vhdx-4k-sectors", child_of, "vhdx", 1, 4096)
    case("vhdx-4k-written-children", written_children, "vhdx", 4096)


def of_qemu(fmt, opts, size, block):
    """qemu-img makes it from raw; we read what qemu-img reads."""
    raw = raw_disk(size, block)
    image, truth = at(f"q.{fmt}"), at("q.raw")
    qfmt = judges.QEMU[fmt]
    must("qemu-img", "convert", "-f", "raw", "-O", qfmt,
         *(["-o", opts] if opts else []), raw, image)
    must("qemu-img", "convert", "-f", qfmt, "-O", "raw", image, truth)
    before = open(image, "rb").read()
    back_to_raw(image, truth)
    check_clean(image)
    expect(open(image, "rb").read() == before, "the image was changed")
    info = json.loads(must(TOOL, "info", "--json", image).stdout)
    expect(info, "info --json is empty")
    remove(image, truth)


def written_by_qemu(fmt, opts):
    """Writes that arrive out of order, as from a guest."""
    image, truth = at(f"w.{fmt}"), at("w.raw")
    qfmt = judges.QEMU[fmt]
    must("qemu-img", "create", "-f", qfmt, *(["-o", opts] if opts else []),
         image, "96M")
    commands = []
    for off, length, byte in ((50 * MIB, 3 * MIB, 0xa5), (0, 512, 0x11),
                              (9 * MIB + 512, 70 * 512, 0x96),
                              (95 * MIB, 512 * 7, 0x77),
                              (51 * MIB, MIB, 0)):
        commands += ["-c", f"write -P {byte} {off} {length}"]
    must("qemu-io", "-f", qfmt, *commands, image)
    must("qemu-img", "convert", "-f", qfmt, "-O", "raw", image, truth)
    back_to_raw(image, truth)
    check_clean(image)
    remove(image, truth)


def group_from_qemu():
    for size in (20 * MIB, 9441792):
        for opts in ("subformat=dynamic", "subformat=fixed",
                     "subformat=dynamic,force_size=on",
                     "subformat=fixed,force_size=on"):
            case(f"vpc-{opts}-{size}", of_qemu, "vhd", opts, size, 2 * MIB)
        for opts in ("subformat=dynamic", "subformat=fixed",
                     "subformat=dynamic,block_size=1M",
                     "subformat=dynamic,block_size=256M",
                     "subformat=fixed,block_size=1M,log_size=4M"):
            case(f"vhdx-{opts}-{size}", of_qemu, "vhdx", opts, size, MIB)
    case("vpc-written", written_by_qemu, "vhd", "")
    case("vpc-written-fixed", written_by_qemu, "vhd", "subformat=fixed")
    for opts in ("", "block_size=1M", "block_size=32M",
                 "block_size=1M,block_state_zero=off"):
        case(f"vhdx-written-{opts}", written_by_qemu, "vhdx", opts)


def peak_kib(*argv):
    """Peak resident size of a program, by GNU time."""
    done = must("/usr/bin/time", "-f", "%M", *argv)
    return int(done.stderr.strip().splitlines()[-1])


def limits():
    """A 64 TiB disk with 1 MiB blocks costs nothing to make or to look at."""
    image = at("big.vhdx")
    must(TOOL, "create", "--size", "64T", "--block-size", "1M", image)
    used = os.stat(image).st_blocks * 512
    expect(used < 4 * MIB, f"{used} bytes on disk")
    info = peak_kib(TOOL, "info", image)
    tree = peak_kib(TOOL, "map", image)
    # Sanitizers take memory of their own; there the programs have only to run.
    if not os.environ.get("VHD_INSTRUMENTED"):
        expect(info < 6 * 1024, f"info takes {info} KiB")
        expect(tree < 32 * 1024, f"map takes {tree} KiB")
    check = peak_kib(TOOL, "check", image)
    remove(image)
    return (f"{used // 1024} KiB on disk; resident: info {info} KiB, "
            f"map {tree} KiB, check {check} KiB")


def group_limits():
    case("64T", limits)


need("qemu-img", "qemu-io", "vhdiinfo", "vhdimount", "7z", "/usr/bin/time")
globals()[f"group_{GROUP}"]()
run("rm", "-rf", WHERE)
REPORT.finish()
