# SPDX-License-Identifier: BSD-2-Clause
"""ptable_oracles.py PTABLE_DUMP: partition tables that sfdisk, fdisk and sgdisk
made, as we read them and as they do, with partx and blkid as further judges.

All of it happens in plain files; no device and no root is needed.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))
# pylint: disable=wrong-import-position
from harness import Report, expect, must, need, run

MIB = 1 << 20
EXTENDED = ("5", "f", "85")


@dataclass
class Part:
    """What a program says of one partition; None where it does not say."""
    off: int
    size: int
    type: str = None
    id: str = None
    name: str = None


@dataclass
class Table:
    kind: str
    sector: int
    copy: str
    parts: dict


def ours(path, sector=512):
    lines = must(DUMP, "-s", sector, path).stdout.splitlines()
    kind, size, copy = lines[0].split()
    parts = {}
    for line in lines[1:]:
        number, off, length, ptype, guid, name = line.split("\t")
        expect(int(number) not in parts, f"number {number} twice")
        parts[int(number)] = Part(int(off), int(length), ptype, guid, name)
    return Table(kind, int(size), copy, parts)


def compare(judge, want, table):
    """@want: {number: Part} of a stranger, extended partitions left out."""
    expect(set(want) == set(table.parts),
           f"{judge} sees {sorted(want)}, we see {sorted(table.parts)}")
    for number, theirs in want.items():
        mine = table.parts[number]
        for field in ("off", "size", "type", "id", "name"):
            value = getattr(theirs, field)
            expect(value is None or value == getattr(mine, field),
                   f"{judge}: {field} of {number} is {value}, "
                   f"not {getattr(mine, field)}")


def by_sfdisk(path):
    """Counts in sectors of 512 always: it is told a file's nothing else."""
    doc = json.loads(must("sfdisk", "-J", path).stdout)["partitiontable"]
    parts = {}
    for p in doc.get("partitions", ()):
        number = int(re.search(r"(\d+)$", p["node"]).group(1))
        if p["type"] not in EXTENDED:
            parts[number] = Part(p["start"] * 512, p["size"] * 512,
                                 p["type"].lower(),
                                 p["uuid"].lower() if "uuid" in p else None,
                                 p.get("name", "" if "uuid" in p else None))
    return doc["label"], parts


def by_partx(path, sector):
    """Prints in units of 512 bytes, whatever the sectors are."""
    out = must("partx", "--sector-size", sector, "-g", "-r", "-o",
               "NR,START,SECTORS,TYPE", path).stdout
    parts = {}
    for line in out.splitlines():
        number, start, count, ptype = line.split()
        ptype = ptype.lower().removeprefix("0x")
        if ptype not in EXTENDED:
            parts[int(number)] = Part(int(start) * 512, int(count) * 512,
                                      ptype)
    return parts


def by_sgdisk(path, numbers):
    parts = {}
    for number in numbers:
        out = must("sgdisk", "-i", number, path).stdout
        find = {k: re.search(rf"{k}: (\S+)", out) for k in (
            "Partition GUID code", "Partition unique GUID", "First sector",
            "Last sector")}
        expect(all(find.values()), f"sgdisk -i {number}: {out}")
        first = int(find["First sector"].group(1))
        last = int(find["Last sector"].group(1))
        name = re.search(r"Partition name: '(.*)'", out)
        parts[number] = Part(
            first * 512, (last - first + 1) * 512,
            find["Partition GUID code"].group(1).lower(),
            find["Partition unique GUID"].group(1).lower(),
            name.group(1) if name else "")
    return parts


def blkid(path):
    """What it calls the table: dos, gpt, PMBR or None, and the file system."""
    out = run("blkid", "-p", "-o", "export", path).stdout
    found = dict(line.split("=", 1) for line in out.splitlines()
                 if "=" in line)
    return found.get("PTTYPE"), found.get("TYPE")


def disk(name, mib=64):
    with open(name, "wb") as f:
        f.truncate(mib * MIB)
    return name


def sfdisk(path, script):
    must("sfdisk", "-q", "--no-reread", "--no-tell-kernel", "--wipe", "never",
         path, input=script)


def fdisk(path, script, sector=512):
    must("fdisk", "-b", sector, "-w", "never", path, input=script)


def sgdisk(path, *args):
    must("sgdisk", *args, path)


def spoil(path, off, length=512):
    with open(path, "r+b") as f:
        f.seek(off)
        f.write(b"\xa5" * length)


def agree(path, kind, count, sector=512, copy="primary"):
    """All who can judge this file say the same."""
    table = ours(path, sector)
    expect(table.kind == kind and table.sector == sector and
           table.copy == copy, f"it is {table.kind} of {table.sector}, "
           f"{table.copy}")
    expect(len(table.parts) == count,
           f"{len(table.parts)} partitions, not {count}")
    compare("partx", by_partx(path, sector), table)
    # A table of the other size is found as well.
    other = ours(path, 4608 - sector)
    if kind == "gpt":
        expect(other == table, "the sector size of the disk mattered")
    if sector != 512:
        return f"{count} partitions"
    label, parts = by_sfdisk(path)
    expect(label == {"mbr": "dos"}.get(kind, kind), f"sfdisk: {label}")
    compare("sfdisk", parts, table)
    if kind == "gpt":
        compare("sgdisk", by_sgdisk(path, table.parts), table)
    expect(blkid(path)[0] == label, f"blkid: {blkid(path)[0]}")
    return f"{count} partitions"


def dos_logical():
    path = disk("dos")
    sfdisk(path, "label: dos\nsize=8M,type=7\nsize=40M,type=f\n"
           "size=5M,type=c,bootable\nsize=6M\nsize=3M\nsize=2M,type=82\n"
           "start=60000\n")
    return agree(path, "mbr", 6)


def dos_types():
    for ptype in EXTENDED:
        path = disk("types" + ptype)
        sfdisk(path, f"label: dos\nsize=40M,type={ptype}\nsize=5M\n\nsize=6M\n")
        table = ours(path)
        expect(len(table.parts) >= 2, f"{ptype}: {table.parts}")
        agree(path, "mbr", len(table.parts))


def dos_many():
    path = disk("many", 128)
    sfdisk(path, "label: dos\ntype=5\n" + "size=1M\n" * 50)
    return agree(path, "mbr", 50)


def dos_out_of_order():
    """Logical partitions that were deleted and made anew elsewhere."""
    path = disk("order")
    sfdisk(path, "label: dos\nsize=4M\ntype=5\n" + "size=6M\n" * 5)
    must("sfdisk", "-q", "--no-reread", "--no-tell-kernel", "--delete", path,
         "6", "8")
    must("sfdisk", "-q", "--no-reread", "--no-tell-kernel", "--append", path,
         input="size=2M\nsize=3M\n")
    return agree(path, "mbr", 6)


def dos_empty():
    path = disk("empty")
    sfdisk(path, "label: dos\n")
    table = ours(path)
    expect(table.kind == "mbr" and not table.parts, str(table))
    expect(blkid(path)[0] == "dos", "blkid sees no table")


def dos_4096():
    path = disk("dos4096")
    fdisk(path, "o\nn\np\n1\n\n+8M\nn\ne\n2\n\n\nn\n\n+5M\nn\n\n+3M\nw\n", 4096)
    return agree(path, "mbr", 3, 4096)


def gpt_sfdisk():
    path = disk("gpt")
    sfdisk(path, "label: gpt\nsize=8M,type=U,name=\"EFI system\"\n"
           "size=16M,type=S\nsize=4M,name=\"d\u00e9j\u00e0 \u20ac \U0001f4be\"\n"
           "size=1M,name=\"" + "\u20ac" * 36 + "\"\nname=rest\n")
    return agree(path, "gpt", 5)


def gpt_sgdisk():
    """Gaps in the numbers, a larger table, partitions out of order."""
    path = disk("sgdisk")
    sgdisk(path, "-S", 256, "-n", "200:40960:+4M", "-c", "200:far",
           "-n", "3:4096:+1M", "-t", "3:0700", "-n", "1:90000:90000",
           "-a", "1", "-n", "2:70001:70003", "-c", "2:odd one")
    must("sgdisk", "-v", path)
    return agree(path, "gpt", 4)


def gpt_moved():
    """The array of entries away from its usual place."""
    path = disk("moved")
    sgdisk(path, "-j", 512, "-n", "1:4096:+1M")
    return agree(path, "gpt", 1)


def gpt_4096():
    path = disk("gpt4096")
    fdisk(path, "g\nn\n1\n\n+8M\nn\n3\n\n+4M\nw\n", 4096)
    return agree(path, "gpt", 2, 4096)


def gpt_4096_backup():
    path = disk("backup4096")
    fdisk(path, "g\nn\n1\n\n+8M\nn\n3\n\n+4M\nw\n", 4096)
    spoil(path, 4096)
    return agree(path, "gpt", 2, 4096, "backup")


def gpt_hybrid():
    path = disk("hybrid")
    sgdisk(path, "-n", "1:2048:+8M", "-n", "2:0:+8M", "-n", "3:0:+8M",
           "-h", "1:3:EE")
    table = ours(path)
    expect(table.kind == "gpt" and len(table.parts) == 3, str(table))
    compare("sgdisk", by_sgdisk(path, table.parts), table)
    compare("partx", by_partx(path, 512), table)


def backup_of(place):
    """Header, array or both of the primary are gone."""
    path = disk("backup" + place)
    sfdisk(path, "label: gpt\nsize=8M,name=a\nsize=4M,name=b\n")
    if place != "array":
        spoil(path, 512)
    if place != "header":
        spoil(path, 1024, 1024)
    return agree(path, "gpt", 2, copy="backup")


def gpt_gone():
    """A protective MBR alone: nothing, as for blkid and partx."""
    path = disk("gone")
    sfdisk(path, "label: gpt\nsize=8M\n")
    spoil(path, 512)
    spoil(path, 64 * MIB - 512)
    expect(ours(path).kind == "none", "we see a table")
    expect(run("partx", "-g", path).stdout == "", "partx sees a table")


def gpt_over_dos_and_back():
    """What an older table left behind does not show through."""
    path = disk("twice")
    fdisk(path, "g\nn\n1\n\n+8M\nw\n", 4096)
    sfdisk(path, "label: gpt\nsize=4M\nsize=4M\n")
    agree(path, "gpt", 2)
    fdisk(path, "g\nn\n1\n\n+9M\nw\n", 4096)
    agree(path, "gpt", 1, 4096)
    sfdisk(path, "label: dos\nsize=4M\nsize=4M\nsize=4M\n")
    return agree(path, "mbr", 3)


def gpt_grown():
    """A disk that was made larger: the primary goes on counting."""
    path = disk("grown")
    sfdisk(path, "label: gpt\nsize=4M\nsize=4M\n")
    os.truncate(path, 100 * MIB)
    table = ours(path)
    expect(table.kind == "gpt" and table.copy == "primary", str(table))
    compare("partx", by_partx(path, 512), table)


def superfloppy(tool, *args):
    path = disk(tool + "".join(args).replace("-", ""))
    must(tool, *args, path)
    kind, system = blkid(path)
    expect(kind is None and system, f"blkid sees {kind}, {system}")
    table = ours(path)
    expect(table.kind == "none", str(table))
    return system


def file_system_beside_table():
    """blkid finds the file system at the place that we name."""
    path = disk("offset")
    sfdisk(path, "label: gpt\nsize=8M\nsize=20M,name=data\n")
    part = ours(path).parts[2]
    with open(disk("inner", 20), "rb") as inner:
        must("mkntfs", "-q", "-F", "-s", 512, "-p", 0, "-H", 0, "-S", 0,
             "inner")
        with open(path, "r+b") as f:
            f.seek(part.off)
            f.write(inner.read())
    out = must("blkid", "-p", "-o", "export", "-O", part.off, "-S", part.size,
               path).stdout
    expect("TYPE=ntfs" in out, f"blkid sees no NTFS there: {out}")


def main():
    report = Report("partition tables")
    for function in (dos_logical, dos_types, dos_many, dos_out_of_order,
                     dos_empty, dos_4096, gpt_sfdisk, gpt_sgdisk, gpt_moved,
                     gpt_4096, gpt_4096_backup, gpt_hybrid, gpt_gone,
                     gpt_over_dos_and_back, gpt_grown,
                     file_system_beside_table):
        report.case(function.__name__, function)
    for place in ("header", "array", "both"):
        report.case(f"backup_of_{place}", backup_of, place)
    for args in (("mkfs.fat", "-F", "12"), ("mkfs.fat", "-F", "16"),
                 ("mkfs.fat", "-F", "32"), ("mkntfs", "-q", "-F"),
                 ("mkfs.ext4", "-q")):
        report.case("superfloppy " + " ".join(args), superfloppy, *args)
    report.finish()


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.environ["LC_ALL"] = "C.UTF-8"
    need("sfdisk", "fdisk", "sgdisk", "partx", "blkid", "mkfs.fat", "mkntfs",
         "mkfs.ext4")
    DUMP = os.path.abspath(sys.argv[1])
    FOLDER = tempfile.mkdtemp(prefix="vhd-ptable.")
    try:
        os.chdir(FOLDER)
        main()
    finally:
        os.chdir("/")
        shutil.rmtree(FOLDER)
