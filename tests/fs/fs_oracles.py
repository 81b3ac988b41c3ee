# SPDX-License-Identifier: BSD-2-Clause
"""fs_oracles.py FS_DUMP GROUP: file systems that mkfs made and that were filled
and thinned out through a mount.

What we call unused is what the file system's own tools call free.  Then all of
it is overwritten with noise: the checker must find nothing, and every file must
read as before.
"""

import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "support"))
# pylint: disable=wrong-import-position
import left_alone
import left_alone_disk
from fsdisk import (SLOW, Dump, bits_to_ranges, can_mount, fill, listing, make,
                    mounted, mounts_of_our_own, peek, same_ranges)
from harness import Report, expect, must, need, run, scratch, skip

MIB = 1 << 20


def by_dumpe2fs(image):
    """Free blocks of each group; with bigalloc only the first of a cluster."""
    text = must("dumpe2fs", image, timeout=SLOW).stdout
    block = int(re.search(r"^Block size: +(\d+)", text, re.M).group(1))
    cluster = re.search(r"^Cluster size: +(\d+)", text, re.M)
    more = int(cluster.group(1)) // block if cluster else 1
    out = []
    for line in re.findall(r"^  Free blocks: (.*)$", text, re.M):
        for part in filter(None, line.split(", ")):
            first, _, last = part.partition("-")
            out.append((int(first) * block,
                        (int(last or first) + more) * block))
    return out


def by_ntfscat(image):
    """$Bitmap as ntfs-3g's tools read it, and their count."""
    info = must("ntfsinfo", "-f", "-m", image, timeout=SLOW).stdout
    cluster = int(re.search(r"Cluster Size: (\d+)", info).group(1))
    count = int(re.search(r"Volume Size in Clusters: (\d+)", info).group(1))
    free = int(re.search(r"Free Clusters: (\d+)", info).group(1))
    with open(image + ".bitmap", "wb") as f:
        f.write(run_bytes("ntfscat", "-f", "-i", "6", image))
    ranges = bits_to_ranges(peek(image + ".bitmap", 0, count // 8 + 8), count,
                            cluster)
    os.unlink(image + ".bitmap")
    # Bits behind the last cluster are not in the ranges, but may be in this.
    total = sum(e - o for o, e in ranges) // cluster
    expect(0 <= free - total < 8, f"ntfsinfo: {free} free, bitmap {total}")
    return ranges


def run_bytes(*argv):
    import subprocess  # pylint: disable=import-outside-toplevel
    return subprocess.run(argv, stdout=subprocess.PIPE, timeout=SLOW,
                          stderr=subprocess.DEVNULL, check=True).stdout


def by_xfs_db(image):
    """Free extents of all groups, without what the trees keep for themselves."""
    def ask(*commands):
        argv = ["xfs_db", "-r"]
        for command in commands:
            argv += ["-c", command]
        return must(*argv, image, timeout=SLOW).stdout

    fields = dict(re.findall(r"^(\w+) = (\S+)", ask("sb 0", "p"), re.M))
    block, blocks = int(fields["blocksize"]), int(fields["agblocks"])
    out = []
    for ag in range(int(fields["agcount"])):
        agf = dict(re.findall(r"^(\w+) = (\S+)", ask(f"agf {ag}", "p"), re.M))
        kept = set()
        first, last = int(agf["flfirst"]), int(agf["fllast"])
        listed = re.findall(r"(\d+):(\d+)",
                            ask(f"agfl {ag}", "p bno").replace("null", "0"))
        for index, number in listed:
            index = int(index)
            inside = first <= index <= last if first <= last else \
                index >= first or index <= last
            if inside:
                kept.add(int(number))
        total = 0
        for start, length in re.findall(
                rf"^ +{ag} +(\d+) +(\d+)$", ask(f"freesp -d -a {ag}"), re.M):
            start, length = int(start), int(length)
            if length == 1 and start in kept:
                continue
            total += length
            off = (ag * blocks + start) * block
            out.append((off, off + length * block))
        expect(total == int(agf["freeblks"]), f"AG {ag}: {total} free, agf "
               f"says {agf['freeblks']}")
    return out


def by_btrfs(image):
    """Gaps between what dump-tree lists, without the superblock's copies."""
    def tree(name):
        return must("btrfs", "inspect-internal", "dump-tree", "-t", name,
                    image, timeout=SLOW).stdout

    size = int(re.search(r"^dev_item.total_bytes\s+(\d+)",
                         must("btrfs", "inspect-internal", "dump-super", image,
                              timeout=SLOW).stdout, re.M).group(1))
    node = int(re.search(r"^nodesize\s+(\d+)",
                         must("btrfs", "inspect-internal", "dump-super", image,
                              timeout=SLOW).stdout, re.M).group(1))
    used = [(0, MIB), (64 * MIB, 64 * MIB + 65536), (size, size)]
    extents = []
    for start, kind, more in re.findall(
            r"key \((\d+) (EXTENT_ITEM|METADATA_ITEM) (\d+)\)", tree("extent")):
        length = int(more) if kind == "EXTENT_ITEM" else node
        extents.append((int(start), int(start) + length))
    for place, logical, length in re.findall(
            r"key \(1 DEV_EXTENT (\d+)\).*\n.*\n\s+chunk_objectid \d+ "
            r"chunk_offset (\d+) length (\d+)", tree("dev")):
        place, logical, length = int(place), int(logical), int(length)
        for off, end in extents:
            if logical <= off < logical + length:
                used.append((place + off - logical, place + end - logical))
    out, at = [], 0
    for off, end in sorted(used):
        if off > at:
            out.append((at, off))
        at = max(at, end)
    return out


def by_count(pattern, *argv):
    """A checker's count of free clusters stands for all of it."""
    def ask(image):
        text = run(*argv, image, timeout=SLOW).stdout
        return [int(n) for n in re.search(pattern, text, re.M).groups()]
    return ask


CHECKERS = {
    "ext4": ("e2fsck", "-fn"),
    "ntfs": ("ntfsfix", "-n"),
    "xfs": ("xfs_repair", "-n"),
    "btrfs": ("btrfs", "check", "--check-data-csum"),
    "exfat": ("fsck.exfat", "-n"),
    "vfat": ("fsck.fat", "-n"),
}


def judge(kind, image, oracle):
    """One file system as it is now, against its own tools."""
    dump = Dump(DUMP, image)
    part = dump.understood()
    theirs = oracle(image)
    if kind == "vfat":
        used, total = theirs
        expect(int(part["unused"]) == (total - used) * int(part["block"]),
               f"{part['unused']} bytes unused, fsck.fat: {theirs}")
    elif kind == "exfat":
        expect(int(part["unused"]) == theirs[0] * int(part["block"]),
               f"{part['unused']} bytes unused, dump.exfat: {theirs}")
    else:
        same_ranges(dump.ranges, theirs)
    return part


def spoil(image, seed):
    must(DUMP, "-o", str(seed), image, timeout=SLOW)


def case(kind, size, argv, oracle, scale=1.0):
    """Made, empty; filled; overwritten; filled again over the noise."""
    image = os.path.join(DIR, "fs.img")
    folder = os.path.join(DIR, "mnt")
    make(image, size, *argv)
    judge(kind, image, oracle)
    for seed in (1, 2):
        with mounted(kind, image, folder):
            fill(os.path.join(folder), seed, scale)
            before = listing(folder)
        part = judge(kind, image, oracle)
        spoil(image, seed)
        must(*CHECKERS[kind], image, timeout=SLOW)
        with mounted(kind, image, folder):
            expect(listing(folder) == before, "files have changed")
    judge(kind, image, oracle)
    os.unlink(image)
    return f"{int(part['unused']) / size:.0%} unused"


def group_ext(report):
    need("mkfs.ext4", "dumpe2fs", "e2fsck", "debugfs")
    if not can_mount("ext4"):
        skip("ext4 cannot be mounted here", host=True)
    if "without libext2fs" in must(DUMP, small_ext()).stdout:
        skip("built without libext2fs")
    quiet = ("mkfs.ext4", "-q", "-F")
    sets = (
        ("defaults", 96, ()), ("1k", 64, ("-b", "1024")),
        ("2k", 64, ("-b", "2048", "-O", "^resize_inode")),
        ("64bit", 64, ("-O", "64bit")), ("32bit", 64, ("-O", "^64bit")),
        ("no_flex_bg", 64, ("-b", "1024", "-O", "^flex_bg")),
        ("meta_bg", 64, ("-b", "1024", "-O", "meta_bg,^resize_inode")),
        ("bigalloc", 96, ("-O", "bigalloc", "-C", "16384")),
        ("bigalloc_1k", 64, ("-b", "1024", "-O", "bigalloc", "-C", "8192",
                             "-N", "2048")),
        ("uninit", 64, ("-b", "1024", "-O",
                        "uninit_bg,^metadata_csum,^flex_bg")),
        ("no_csum", 64, ("-O", "^metadata_csum,^uninit_bg")),
        ("sparse2", 64, ("-b", "1024", "-O",
                         "sparse_super2,^resize_inode")),
        ("groups", 64, ("-b", "1024", "-g", "1024")),
        ("odd", 61, ("-b", "1024", "-g", "4096", "-E", "resize=10000000")),
        ("ext2", 48, ("-t", "ext2")), ("ext3", 64, ("-t", "ext3")),
        ("inline", 64, ("-O", "inline_data,large_dir,ea_inode,encrypt")),
        ("mmp", 64, ("-O", "mmp")),
    )
    for name, size, options in sets:
        # A size that is no multiple of a group.
        report.case(f"ext/{name}", case, "ext4", size * MIB + 7 * 1024 * 5,
                    quiet + options, by_dumpe2fs, 0.5)
    left_alone.ext(report, DUMP, DIR)


def small_ext():
    image = os.path.join(DIR, "small.img")
    make(image, 8 * MIB, "mkfs.ext4", "-q", "-F")
    return image


def ntfs_fragmented():
    """An MFT in so many pieces that it needs an attribute list."""
    image = os.path.join(DIR, "fs.img")
    folder = os.path.join(DIR, "mnt")
    make(image, 12 * MIB, "mkntfs", "-F", "-q", "-f", "-c", 512)
    left_alone.fragmented_mft(image, folder, 6000)
    info = must("ntfsinfo", "-f", "-i", "0", image, timeout=SLOW).stdout
    expect("ATTRIBUTE_LIST" in info, "the MFT has no attribute list")
    with mounted("ntfs", image, folder):
        before = listing(folder)
    judge("ntfs", image, by_ntfscat)
    spoil(image, 1)
    must(*CHECKERS["ntfs"], image, timeout=SLOW)
    with mounted("ntfs", image, folder):
        expect(listing(folder) == before, "files have changed")
    os.unlink(image)


def group_ntfs(report):
    need("mkntfs", "ntfsinfo", "ntfscat", "ntfsfix", "ntfs-3g")
    if not can_mount("ntfs"):
        skip("NTFS cannot be mounted here", host=True)
    for cluster in (512, 1024, 4096, 16384, 65536):
        report.case(f"ntfs/{cluster}", case, "ntfs", 100 * MIB,
                    ("mkntfs", "-F", "-q", "-f", "-c", cluster), by_ntfscat)
    report.case("ntfs/sectors", case, "ntfs", 100 * MIB,
                ("mkntfs", "-F", "-q", "-f", "-s", 4096), by_ntfscat)
    report.case("ntfs/fragmented_mft", ntfs_fragmented)
    left_alone.ntfs(report, DUMP, DIR)


def group_xfs(report):
    need("mkfs.xfs", "xfs_db", "xfs_repair")
    if not can_mount("xfs"):
        skip("XFS cannot be mounted here", host=True)
    quiet = ("mkfs.xfs", "-q", "-f")
    sets = (("defaults", ()), ("plain", ("-m", "reflink=0,finobt=0")),
            ("rmapbt", ("-m", "rmapbt=1")), ("1k", ("-b", "size=1024")),
            ("sector", ("-s", "size=4096")))
    for name, options in sets:
        report.case(f"xfs/{name}", case, "xfs", 304 * MIB, quiet + options,
                    by_xfs_db)
    report.case("xfs/groups", case, "xfs", 500 * MIB,
                quiet + ("-d", "agcount=5"), by_xfs_db)
    left_alone.xfs(report, DUMP, DIR)


def group_btrfs(report):
    need("mkfs.btrfs", "btrfs")
    if not can_mount("btrfs"):
        skip("Btrfs cannot be mounted here", host=True)
    quiet = ("mkfs.btrfs", "-q", "-f")
    sets = (("defaults", ()), ("mixed", ("-M",)), ("dup", ("-d", "dup")),
            ("single", ("-m", "single")), ("nodes", ("-n", "4096")))
    for name, options in sets:
        report.case(f"btrfs/{name}", case, "btrfs", 256 * MIB, quiet + options,
                    by_btrfs)
    left_alone.btrfs(report, DUMP, DIR)


def group_exfat(report):
    need("mkfs.exfat", "dump.exfat", "fsck.exfat", "mount.exfat-fuse")
    if not can_mount("exfat"):
        skip("exFAT cannot be mounted here", host=True)
    oracle = by_count(r"Free Clusters:\s+(\d+)", "dump.exfat")
    for cluster in ("4K", "32K", "512"):
        report.case(f"exfat/{cluster}", case, "exfat", 64 * MIB,
                    ("mkfs.exfat", "-c", cluster), oracle)
    left_alone.exfat(report, DUMP, DIR)


def fat_files(image, seed):
    """FAT without a mount: mtools."""
    folder = os.path.join(DIR, "files")
    os.makedirs(folder, exist_ok=True)
    fill(folder, seed, 0.05)
    must("mcopy", "-n", "-s", "-i", image,
         *[os.path.join(folder, n) for n in sorted(os.listdir(folder))], "::",
         timeout=SLOW)
    must("mdeltree", "-i", image, "::d1", "::d4", timeout=SLOW)
    run("rm", "-rf", folder)


def fat_listing(image):
    folder = os.path.join(DIR, "back")
    os.makedirs(folder)
    must("mcopy", "-n", "-s", "-i", image, "::*", folder, timeout=SLOW)
    digest = listing(folder)
    run("rm", "-rf", folder)
    return digest


def fat_case(size, options):
    image = os.path.join(DIR, "fs.img")
    oracle = by_count(r"(\d+)/(\d+) clusters", "fsck.fat", "-n", "-v")
    make(image, size, "mkfs.fat", *options)
    judge("vfat", image, oracle)
    fat_files(image, 1)
    part = judge("vfat", image, oracle)
    before = fat_listing(image)
    spoil(image, 1)
    must(*CHECKERS["vfat"], image, timeout=SLOW)
    expect(fat_listing(image) == before, "files have changed")
    os.unlink(image)
    return f"{int(part['unused']) / size:.0%} unused"


def group_fat(report):
    need("mkfs.fat", "fsck.fat", "mcopy", "mdeltree")
    for name, size, options in (
            ("12", 8, ("-F", "12")), ("16", 32, ("-F", "16")),
            ("16_512", 24, ("-F", "16", "-s", "1")),
            ("32", 64, ("-F", "32", "-s", "1")), ("one", 32, ("-f", "1")),
            ("4096", 64, ("-S", "4096"))):
        report.case(f"fat/{name}", fat_case, size * MIB, options)
    left_alone.fat(report, DUMP, DIR)


def group_tables(report):
    need("sfdisk", "mkfs.ext4", "debugfs", "mkswap", "mkfs.fat", "mkfs.btrfs",
         "mkntfs")
    left_alone_disk.tables(report, DUMP, DIR)
    # Here, because no mount is needed.
    left_alone.ntfs_shadow(report, DUMP, DIR)


if __name__ == "__main__":
    DUMP, GROUP = sys.argv[1:3]
    mounts_of_our_own()
    DIR = scratch(f"fs-{GROUP}")
    REPORT = Report(f"file systems, {GROUP}")
    try:
        globals()[f"group_{GROUP}"](REPORT)
    finally:
        run("rm", "-rf", DIR)
    REPORT.finish()
