# SPDX-License-Identifier: BSD-2-Clause
"""Cases: the log (VHDX-CHK-12 to 17).  Each damage leaves the disk as it was:
what a log changes is what was taken out of its place before."""

import struct

import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from disk import same_except
from vhdx_bytes import GIB, KIB, MIB, PAGE, TIB, edit

CASES = []
case = CaseList(CASES)

PENDING = "VHDX_LOG_PENDING"
AND_PENDING = {PENDING: "what it is about stands in a pending log"}


def pages_of(v, off, length):
    """Changes that put the present bytes of a range back, which is wiped."""
    changes = [(at, v.read(at, PAGE)) for at in range(off, off + length, PAGE)]
    v.write(off, bytes(length))
    return changes


# CHK-12: a log that can be replayed

case("vhdx_log_table_page", [PENDING], base=bases.dynamic, at=MIB,
     damage=edit(journal.hide_table))
case("vhdx_log_table_page_4k", [PENDING], base=bases.sectors_4k,
     damage=edit(journal.hide_table))
case("vhdx_log_table_page_child", [PENDING], base=bases.child, chain=True,
     damage=edit(journal.hide_table))
case("vhdx_log_over_4_gib", [PENDING], base=bases.over_4_gib,
     damage=edit(journal.hide_table))
case("vhdx_log_nothing_to_do", [PENDING], base=bases.dynamic,
     damage=edit(journal.pend))
case("vhdx_log_both_region_tables", [PENDING], base=bases.dynamic,
     damage=edit(lambda v: journal.pend(v, *(
         c for at in b.REGIONS_OFF for c in pages_of(v, at, PAGE)))))
case("vhdx_log_metadata", [PENDING], base=bases.dynamic,
     damage=edit(lambda v: journal.pend(
         v, *pages_of(v, v.meta_off(), PAGE),
         *pages_of(v, v.meta_off() + 64 * KIB, PAGE))))
case("vhdx_log_bitmap", [PENDING], base=bases.child,
     damage=edit(lambda v: journal.pend(
         v, *pages_of(v, bases.CHILD_BITMAP, PAGE))))


def wrapped(v):
    """The entry begins in the ring's last sector."""
    journal.hide_table(v, ring_off=MIB - 2 * PAGE)


def wrapped_data(v):
    """The descriptors stand in the ring's last sector, the data in its
    first."""
    journal.hide_table(v, ring_off=MIB - 3 * PAGE)


def zeros_first(v):
    """A zero descriptor over a page, and a later entry that fills it."""
    at = v.bat_off()
    page = v.read(at, PAGE)
    v.write(at, b"\xaa" * PAGE)
    size = v.length()
    journal.put(v, 0, journal.entry(7, 0, size, size, [(at, MIB)]))
    journal.put(v, PAGE, journal.entry(8, 0, size, size, [(at, page)]))
    journal.mark(v)


def many_descriptors(v):
    """127 pages: the descriptors take two sectors.  The pages are those of the
    metadata table, most of them zero, and the table's."""
    at = v.meta_off()
    changes = pages_of(v, at, 17 * PAGE)
    changes += [(at + MIB - (i + 1) * PAGE, bytes(PAGE)) for i in range(109)]
    changes += pages_of(v, v.bat_off(), PAGE)
    assert len(changes) == 127
    journal.pend(v, *changes)


def tail_skips(v):
    """Windows leaves out what a later entry does again: the head's tail is not
    the first entry of the ring, and that entry must not be replayed."""
    at, size = v.bat_off(), v.length()
    page = v.read(at, PAGE)
    v.write(at, bytes(PAGE))
    journal.put(v, 0, journal.entry(1, 0, size, size,
                                    [(v.meta_off(), bytes(PAGE))]))
    journal.put(v, 2 * PAGE, journal.entry(2, 2 * PAGE, size, size,
                                           [(at, page)]))
    journal.mark(v)


def torn_newest(v):
    """An entry that was cut off while it was written does not exist."""
    journal.hide_table(v)
    size = v.length()
    late = journal.entry(journal.FIRST_SEQ + 2, 0, size, size,
                         [(v.bat_off(), b"\x5a" * PAGE)])
    journal.put(v, 3 * PAGE, late[:-512] + bytes(512))


def old_generation(v):
    """Entries of another GUID, and of a number that does not follow."""
    journal.hide_table(v)
    size, change = v.length(), [(v.bat_off(), b"\x5a" * PAGE)]
    journal.put(v, 3 * PAGE, journal.entry(
        journal.FIRST_SEQ + 2, 3 * PAGE, size, size, change,
        guid=b.uuid.UUID(int=77)))
    journal.put(v, 5 * PAGE, journal.entry(5, 5 * PAGE, size, size, change))


for damage in (wrapped, wrapped_data, zeros_first, many_descriptors,
               tail_skips, torn_newest, old_generation):
    case(f"vhdx_log_{damage.__name__}", [PENDING], base=bases.dynamic,
         damage=edit(damage))
case("vhdx_log_far_number", [PENDING], base=bases.dynamic,
     damage=edit(lambda v: journal.hide_table(v, seq=(1 << 64) - 3)))

# CHK-13: pending, and nothing there

case("vhdx_log_never_written", ["VHDX_LOG_NO_SEQUENCE"], base=bases.dynamic,
     says="never written", damage=edit(journal.mark))
case("vhdx_log_torn_unsaid", ["VHDX_LOG_NO_SEQUENCE"], base=bases.dynamic,
     damage=edit(lambda v: (journal.pend(v), v.write(MIB + 100, b"torn"),
                            v.write(MIB + PAGE + 100, b"torn"))), repair=None,
     why="the log held something: the owner has to say \"discard\"")
case("vhdx_log_torn", ["VHDX_LOG_NO_SEQUENCE"], base=bases.dynamic,
     choice="discard",
     damage=edit(lambda v: (journal.pend(v), v.write(MIB + 100, b"torn"),
                            v.write(MIB + PAGE + 100, b"torn"))))


def gap(v):
    """Two more entries, the first of which is damaged."""
    journal.hide_table(v)
    size = v.length() // MIB * MIB
    more = [journal.entry(journal.FIRST_SEQ + n, 0, size, size, [(MIB, 0)])
            for n in (2, 3)]
    at = 3 * PAGE
    for entry in more:
        journal.put(v, at, entry)
        at += len(entry)
    v.write(MIB + 3 * PAGE + 100, b"torn")


case("vhdx_log_gap", ["VHDX_LOG_GAP"], base=bases.dynamic, damage=edit(gap),
     also=AND_PENDING, says="1 entries of the log cannot be used")
case("vhdx_log_of_another_guid", ["VHDX_LOG_NO_SEQUENCE"], base=bases.child,
     damage=edit(lambda v: (journal.pend(v),
                            journal.mark(v, b.uuid.UUID(int=78)))))


def half_applied(v):
    """The log is gone, and the table in place is not what it was: block 2 has
    the place of block 0."""
    v.set_block(2, *v.get_block(0))
    journal.mark(v)


case("vhdx_log_gone_half_applied", ["VHDX_LOG_NO_SEQUENCE"],
     base=bases.dynamic, damage=edit(half_applied),
     after={"VHDX_BLOCK_OVERLAP": "seen only when the table can be read"},
     repaired_same=same_except((2 * MIB, MIB)))
for name, values in {
        "number_0": {"seq": 0}, "length_odd": {"len": 2 * PAGE + 512},
        "length_0": {"len": 0}, "length_past_ring": {"len": MIB + PAGE},
        "tail_odd": {"tail": 100}, "tail_past_ring": {"tail": MIB},
        "signature": {"signature": b"loGe"}, "too_many": {"count": 1000},
        "no_end": {"count": 0xFFFFFFFF}, "too_few": {"count": 0}}.items():
    def unfit(v, values=values):
        """The only entry breaks VHDX-LOG-20; its checksum is right."""
        size = v.length()
        only = journal.entry(9, 0, size, size, [(v.bat_off(), v.read(
            v.bat_off(), PAGE))])
        journal.put(v, 0, journal.edit(only, **values))
        journal.mark(v)

    case(f"vhdx_log_entry_{name}", ["VHDX_LOG_NO_SEQUENCE"],
         base=bases.dynamic, choice="discard", damage=edit(unfit))

# CHK-14: the file was longer

case("vhdx_log_flushed_more", ["VHDX_LOG_TRUNCATED"], base=bases.dynamic,
     damage=edit(lambda v: journal.hide_table(
         v, flushed=v.length() + MIB, last=v.length() + MIB)))


def cut_and_pending(v):
    """The last block is cut off, and the log knows that it was there."""
    size = v.length()
    journal.hide_table(v, flushed=size, last=size)
    v.truncate(size - MIB)


case("vhdx_log_file_cut", ["VHDX_LOG_TRUNCATED"], base=bases.dynamic,
     damage=edit(cut_and_pending), says="0x",
     repaired_same=same_except((11 * MIB, MIB)))

# CHK-15: what a log must not touch


def aims_at(off, what):
    """A pending entry that changes the file at @off."""
    return edit(lambda v: journal.pend(v, (off, what)))


case("vhdx_log_hits_ident", ["VHDX_LOG_TARGET"], base=bases.dynamic,
     damage=aims_at(0, bytes(PAGE)))
case("vhdx_log_hits_header_1", ["VHDX_LOG_TARGET"], base=bases.dynamic,
     damage=aims_at(64 * KIB, b"\1" * PAGE))
case("vhdx_log_hits_header_2", ["VHDX_LOG_TARGET"], base=bases.dynamic,
     damage=aims_at(128 * KIB, b"\1" * PAGE))
case("vhdx_log_hits_log", ["VHDX_LOG_TARGET"], base=bases.dynamic,
     damage=aims_at(MIB + 512 * KIB, b"\1" * PAGE))
case("vhdx_log_zeros_hit_log", ["VHDX_LOG_TARGET"], base=bases.dynamic,
     damage=aims_at(256 * KIB, MIB))
case("vhdx_log_hits_block", ["VHDX_LOG_TARGET"], base=bases.dynamic,
     also=AND_PENDING, says="block 0", damage=aims_at(bases.END_OF_TABLE,
                                                      b"\1" * PAGE))

# CHK-16, 17 and limits

case("vhdx_log_size_odd", ["VHDX_LOG_OFFSETS_ODD", PENDING],
     base=bases.dynamic, damage=edit(lambda v: journal.hide_table(
         v, flushed=v.length() - 512, last=v.length() - 512)))


def entry_reserved(v):
    """The reserved field of the head is set."""
    size, at = v.length(), v.bat_off()
    head = journal.entry(9, 0, size, size, pages_of(v, at, PAGE))
    journal.put(v, 0, journal.edit(head, reserved=1))
    journal.mark(v)


case("vhdx_log_entry_reserved", ["VHDX_LOG_RESERVED", PENDING],
     base=bases.dynamic, damage=edit(entry_reserved))
case("vhdx_log_extends", ["VHDX_LOG_EXTEND", PENDING], base=bases.dynamic,
     also={"VHDX_LEAK": "nothing uses what the file grows by"},
     damage=edit(lambda v: journal.hide_table(v, last=v.length() + 4 * MIB)))


def maps_past_end(v):
    """As Windows leaves it: the log maps a block that the file does not reach
    to yet, which reads as zeros."""
    size = v.length()
    page = bytearray(v.read(v.bat_off(), PAGE))
    struct.pack_into("<Q", page, 8 * bases.EMPTY_BLOCK,
                     b.bat_entry(b.FULL, size))
    journal.pend(v, (v.bat_off(), bytes(page)), last=size + MIB)


case("vhdx_log_maps_past_end", ["VHDX_LOG_EXTEND", PENDING],
     base=bases.dynamic, damage=edit(maps_past_end))
case("vhdx_log_file_of_2_60", ["VHDX_LOG_TOO_LARGE"], base=bases.dynamic,
     damage=edit(lambda v: journal.pend(v, last=1 << 60)))
case("vhdx_log_aims_past_128_tib", ["VHDX_LOG_TOO_LARGE"], base=bases.dynamic,
     damage=aims_at(200 * TIB, b"\1" * PAGE))
case("vhdx_log_zeros_past_128_tib", ["VHDX_LOG_TOO_LARGE"],
     base=bases.dynamic, damage=aims_at(100 * TIB, 100 * TIB))


def log_of_2_gib(v):
    """Twice what any program makes (VHDX-LIM), at the end of the file."""
    size = v.length()
    v.truncate(size + 2 * GIB)
    v.set_headers(log_off=size, log_len=2 * GIB)
    journal.pend(v)


case("vhdx_log_of_2_gib", ["VHDX_LOG_TOO_LARGE"], base=bases.dynamic,
     damage=edit(log_of_2_gib))
