# SPDX-License-Identifier: BSD-2-Clause
"""A storage manager in small: disks, their snapshots, and the collector that
coalesces what no disk needs any more, with the calls of storage.py.

Two kinds of store: a folder of files, and logical volumes, which are loop
devices named as device-mapper would.  The model knows of each disk what is in
it; after each step all of them are compared.
"""

import fcntl
import os
import stat
import time
import uuid
from itertools import zip_longest

import storage
from disks import Content, verify, write
from storage import BLOCK, MIB, Failure, call, expect

# The space model of volumes: metadata for the largest disk is set aside.
MOST_MIB = 2 * MIB
EXTENT = 4 * MIB
LOOP_SET_FD, LOOP_CLR_FD, LOOP_SET_CAPACITY = 0x4C00, 0x4C01, 0x4C07
LOOP_CTL_GET_FREE = 0x4C82


def round_up(value, unit):
    return -(-value // unit) * unit


def overhead_empty(mib):
    """Footer, copy, header, locators; a table of 4 bytes for each block; a bit
    for each."""
    blocks = mib // 2
    size = round_up(3 * 1024 + blocks * 4, 512) + blocks // 8
    return round_up(size, 4096)


def overhead_bitmaps(size):
    return round_up(size, BLOCK) // BLOCK * 4096


def volume_size(data):
    """What a volume needs that holds so many bytes of blocks."""
    return round_up(data + overhead_empty(MOST_MIB) + overhead_bitmaps(data),
                    EXTENT)


class Files:
    """Images as UUID.vhd in the current folder."""

    room = 0
    uuid_of = staticmethod(storage.file_uuid)

    def path(self, name):
        return f"{name}.vhd"

    def make(self, name, data):
        pass

    def rename(self, old, new):
        os.rename(self.path(old), self.path(new))

    def remove(self, name):
        os.unlink(self.path(name))

    def names(self):
        return {f[:-4] for f in os.listdir(".") if f.endswith(".vhd")}

    def deflate(self, name):
        pass

    def prepare_coalesce(self, name, parent):
        pass

    def prepare_grow(self, name, size):
        pass

    def journal(self, name):
        return f".journal-{name}"

    def journal_gone(self, name):
        return not os.path.exists(self.journal(name))

    def tree(self):
        """{uuid: (parent, hidden, virtual size)} as scan says."""
        return {u: (i.parent, i.hidden, i.size_virt)
                for u, i in storage.get_all("*.vhd").items() if not i.error}


class Volumes:
    """Images on loop devices, called /dev/mapper/VG-VHD--UUID."""

    room = MOST_MIB
    uuid_of = staticmethod(storage.volume_uuid)
    group = "VG_XenStorage-c0ffee00-1111-4222-8333-444455556666"

    def __init__(self):
        self.held = {}		# name: (descriptor, backing file)
        self.made = 0

    def path(self, name):
        group = self.group.replace("-", "--")
        return f"/dev/mapper/{group}-VHD--{name.replace('-', '--')}"

    def attach(self, backing):
        """A device that ends with this process; its descriptor."""
        control = os.open("/dev/loop-control", os.O_RDWR)
        for _ in range(50):
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            node = f"/dev/loop{number}"
            if not os.path.exists(node):
                os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(7, number))
            device = os.open(node, os.O_RDWR)
            file = os.open(backing, os.O_RDWR)
            try:
                fcntl.ioctl(device, LOOP_SET_FD, file)
            except OSError:
                os.close(device)
                time.sleep(0.05)
                continue
            finally:
                os.close(file)
            # Two have it open, so it ends when the last one lets go of it.
            other = os.open(node, os.O_RDWR)
            fcntl.ioctl(other, LOOP_CLR_FD)
            os.close(other)
            os.close(control)
            return device
        raise Failure("no loop device is free")

    def make(self, name, data):
        self.made += 1
        backing = f"{self.made}.lv"
        with open(backing, "wb") as f:
            f.truncate(volume_size(data))
        device = self.attach(backing)
        self.held[name] = (device, backing)
        os.mknod(self.path(name), 0o600 | stat.S_IFBLK,
                 os.fstat(device).st_rdev)

    def size(self, name):
        return os.lseek(self.held[name][0], 0, os.SEEK_END)

    def resize(self, name, size):
        device, backing = self.held[name]
        os.fsync(device)
        os.truncate(backing, size)
        fcntl.ioctl(device, LOOP_SET_CAPACITY, 0)
        expect(self.size(name) == size, f"{backing} was not resized")

    def rename(self, old, new):
        self.held[new] = self.held.pop(old)
        os.rename(self.path(old), self.path(new))

    def remove(self, name):
        device, backing = self.held.pop(name)
        os.unlink(self.path(name))
        os.close(device)
        os.unlink(backing)

    def names(self):
        return set(self.held)

    def deflate(self, name):
        """Give back what it does not use: the footer moves first."""
        size = round_up(storage.get_number("-s", self.path(name)), EXTENT)
        if size < self.size(name):
            storage.set_size_phys(self.path(name), size)
            self.resize(name, size)

    def inflate(self, name, size):
        """Grown; the new end is wiped, then the footer moves there."""
        if size <= self.size(name):
            return
        self.resize(name, size)
        os.pwrite(self.held[name][0], bytes(512), size - 512)
        storage.set_size_phys(self.path(name), size, debug=False)

    def prepare_coalesce(self, name, parent):
        """Room for the blocks that either of the two has."""
        one = storage.get_block_bitmap(self.path(name))
        two = storage.get_block_bitmap(self.path(parent))
        union = sum(bin(a | b).count("1")
                    for a, b in zip_longest(one, two, fillvalue=0))
        self.inflate(parent, volume_size(union * BLOCK))

    def prepare_grow(self, name, size):
        self.inflate(name, volume_size(size))

    def journal(self, name):
        """A device of 6 MiB."""
        journal = f"jvhd_{name}"
        if journal not in self.held:
            with open(f"{journal}.lv", "wb") as f:
                f.truncate(6 * MIB)
            self.held[journal] = (self.attach(f"{journal}.lv"),
                                  f"{journal}.lv")
            os.mknod(f"/dev/mapper/{journal}", 0o600 | stat.S_IFBLK,
                     os.fstat(self.held[journal][0]).st_rdev)
        return f"/dev/mapper/{journal}"

    def journal_gone(self, name):
        device, backing = self.held.pop(f"jvhd_{name}")
        os.close(device)
        os.unlink(f"/dev/mapper/jvhd_{name}")
        os.unlink(backing)
        return True

    def tree(self):
        """There is no volume group to scan, so each one is asked."""
        found = {}
        for name in self.held:
            info = storage.get_info(self.path(name), self.uuid_of)
            found[name] = (info.parent, info.hidden, info.size_virt)
        return found


class Disk:
    """An image of the model."""

    def __init__(self, name, parent, content):
        self.name, self.parent, self.content = name, parent, content
        self.hidden = False
        self.empty = True


class Manager:
    """Steps on one family of disks; @do runs each call that changes an image,
    and may be one that is cut off and has to recover."""

    def __init__(self, store, rng, do=None):
        self.store, self.rng = store, rng
        self.disks = {}
        self.do = do or (lambda step, *args: step(*args))
        self.steps = 0

    def path(self, disk):
        return self.store.path(disk.name)

    def new_name(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def room(self):
        """Room for more metadata; of files, some have it."""
        return self.store.room or self.rng.choice((0, 0, 64))

    def children(self, disk):
        return [d for d in self.disks.values() if d.parent is disk]

    def leaves(self):
        return [d for d in self.disks.values() if not d.hidden]

    # What administrators do.

    def create(self, mib):
        disk = Disk(self.new_name(), None, Content(mib * MIB))
        self.store.make(disk.name, mib * MIB)
        self.do(storage.create, self.path(disk), mib, False, self.room())
        self.disks[disk.name] = disk
        return disk

    def write(self, disk, start, count, tag):
        write(self.path(disk), start, count, tag)
        disk.content.put(start, count, tag)
        disk.empty = False

    def snapshot(self, leaf, keep):
        """The image becomes the parent of two new ones, one of which has its
        old name; the other is the snapshot, unless it is not to be kept."""
        base = Disk(self.new_name(), leaf.parent, leaf.content.copy())
        base.empty = leaf.empty
        self.store.rename(leaf.name, base.name)
        self.disks[base.name] = base
        leaf.parent = self.make_child(leaf.name, base, leaf.content.size)
        leaf.empty = True
        if keep:
            other = Disk(self.new_name(), None, leaf.content.copy())
            other.parent = self.make_child(other.name, base,
                                           leaf.content.size)
            self.disks[other.name] = other
        self.do(storage.set_hidden, self.path(base), True)
        base.hidden = True
        self.store.deflate(base.name)

    def make_child(self, name, base, size):
        """The disk that is its parent: an empty one that has a parent is left
        out."""
        self.store.make(name, size)
        self.do(storage.snapshot, self.store.path(name), self.path(base),
                False, self.room())
        while base.empty and base.parent:
            base = base.parent
        return base

    def grow(self, leaf, mib):
        path = self.path(leaf)
        if not leaf.hidden:
            self.store.prepare_grow(leaf.name, mib * MIB)
        if storage.get_number("-S", path) >= mib:
            self.do(storage.set_size_virt_fast, path, mib)
        else:
            self.grow_slowly(leaf.name, mib)
        leaf.content.size = mib * MIB

    def grow_slowly(self, name, mib):
        self.do(storage.set_size_virt, self.store.path(name), mib,
                self.store.journal(name))
        expect(self.store.journal_gone(name), f"{name}: the journal is there")

    def drop(self, leaf):
        self.store.remove(leaf.name)
        del self.disks[leaf.name]

    # What the collector does.

    def garbage(self):
        """Remove hidden images without children; how many."""
        count = 0
        while True:
            dead = [d for d in self.disks.values()
                    if d.hidden and not self.children(d)]
            if not dead:
                return count
            for disk in dead:
                self.drop(disk)
            count += len(dead)

    def coalesceable(self):
        return [d for d in self.disks.values()
                if d.hidden and d.parent and len(self.children(d.parent)) == 1]

    def into_parent(self, disk):
        """Both are checked; a parent that is too small grows; all goes down."""
        parent = disk.parent
        path, below = self.path(disk), self.path(parent)
        expect(storage.check(path), f"check {path}")
        expect(storage.check(below, "-B"), f"check -B {below}")
        if parent.content.size < disk.content.size:
            self.store.prepare_coalesce(disk.name, parent.name)
            self.grow(parent, disk.content.size // MIB)
        self.store.prepare_coalesce(disk.name, parent.name)
        bits = storage.get_block_bitmap(path)
        marked = sum(bin(b).count("1") for b in bits)
        expect(marked == storage.get_number("-a", path), f"read -B {path}")
        count = self.do(storage.coalesce, path)
        expect((count > 0) == (marked > 0), f"coalesce {path}: {count} bytes")
        expect(storage.check(below, "-B"), f"check -B {below}, coalesced")
        parent.content = disk.content.copy()
        parent.empty = parent.empty and disk.empty

    def coalesce(self, disk):
        """An inner one: its children become the parent's."""
        parent = disk.parent
        self.into_parent(disk)
        for child in self.children(disk):
            self.do(storage.set_parent, self.path(child), self.path(parent))
            child.parent = parent
        self.drop(disk)
        self.store.deflate(parent.name)

    def coalesce_leaf(self, leaf):
        """The parent takes the place and the name of its only child."""
        parent = leaf.parent
        self.into_parent(leaf)
        name = leaf.name
        self.drop(leaf)
        self.store.rename(parent.name, name)
        del self.disks[parent.name]
        parent.name = name
        self.disks[name] = parent
        self.do(storage.set_hidden, self.path(parent), False)
        parent.hidden = False
        return parent

    # Whether all is as it should be.

    def compare(self, what, content=None):
        """The tree as it is told, and what each disk shows."""
        self.steps += 1
        expect(self.store.names() == set(self.disks), f"{what}: other names")
        want = {d.name: (d.parent.name if d.parent else None, d.hidden,
                         d.content.size) for d in self.disks.values()}
        found = self.store.tree()
        if found != want:
            odd = [f"{n}: {found.get(n)}, not {want.get(n)}"
                   for n in set(found) | set(want)
                   if found.get(n) != want.get(n)]
            raise Failure(f"{what}: {'; '.join(odd[:3])}")
        for leaf in self.leaves():
            (content or verify)(self.path(leaf), leaf.content, what)

    def check_all(self, what):
        for disk in self.disks.values():
            done = call("check", "-n", self.path(disk), "-p")
            expect(done.status == 0,
                   f"{what}: {done.out.decode(errors='replace')[:300]}")


def depth(disk):
    count = 0
    while disk:
        disk, count = disk.parent, count + 1
    return count


def random_writes(manager, leaf, tag):
    """A few runs, now and then a whole block and zeros over something."""
    rng, sectors = manager.rng, leaf.content.size // 512
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(sectors - 64)
        manager.write(leaf, start, rng.randint(1, 64), tag)
    if rng.random() < 0.2:
        block = rng.randrange(sectors // 4096)
        manager.write(leaf, block * 4096, 4096, tag)
    if rng.random() < 0.3:
        start = rng.randrange(sectors - 8)
        manager.write(leaf, start, rng.randint(1, 8), None)


def life(manager, levels, after=lambda what: None):
    """A chain grows to @levels, and ends as one disk again."""
    rng = manager.rng
    leaf = manager.create(6)
    for level in range(2, levels + 1):
        if rng.random() < 0.9 or level < 4:
            random_writes(manager, leaf, f"w{level}")
        while True:
            manager.snapshot(leaf, keep=level % 4 == 0)
            manager.garbage()
            if depth(leaf) >= level:
                break
            random_writes(manager, leaf, f"v{level}")
        if level in (levels // 3, levels * 2 // 3):
            manager.grow(leaf, leaf.content.size // MIB + 4)
        manager.compare(f"level {level}")
        after(f"level {level}")
    found = storage.get_depth(manager.path(leaf))
    expect(found == levels, f"depth {found}, not {levels}")
    random_writes(manager, leaf, "top")
    collect(manager, leaf, after)
    return leaf


def collect(manager, leaf, after):
    """Snapshots go one by one; from the middle outwards what was in between."""
    turn = 0
    while True:
        ready = manager.coalesceable()
        snapshots = [d for d in manager.leaves() if d is not leaf]
        if ready and (turn % 5 or not snapshots):
            ready.sort(key=lambda d: (depth(d), d.name))
            disk = ready[len(ready) // 2]
            what = f"turn {turn}: coalesce at depth {depth(disk)}"
            manager.coalesce(disk)
        elif snapshots:
            what = f"turn {turn}: a snapshot goes"
            manager.drop(manager.rng.choice(snapshots))
            manager.garbage()
        else:
            break
        manager.compare(what)
        after(what)
        if turn % 4 == 0:
            random_writes(manager, leaf, f"t{turn}")
        turn += 1
    while leaf.parent:
        leaf = manager.coalesce_leaf(leaf)
        manager.compare("leaf")
        after("leaf")
    expect(len(manager.disks) == 1, "one disk is left")
    manager.check_all("at the end")
