# SPDX-License-Identifier: BSD-2-Clause
"""Cases: file type identifier and headers (VHDX-CHK-01 to 11)."""

import uuid

import vhdx_bases as bases
import vhdx_bytes as b
import vhdx_journal as journal
from case import CaseList
from vhdx_bytes import KIB, MIB, edit

CASES = []
case = CaseList(CASES)

OTHER = uuid.UUID("99999999-8888-7777-6666-555555555555")


def bad_sum(v, copy):
    """A header whose checksum is wrong and that is else whole."""
    v.header(copy)["checksum"] ^= 1


def wiped(v, *copies):
    """Headers of zeros."""
    for copy in copies:
        v.write(b.HEADER_OFF[copy], bytes(b.HEADER_LEN))


# CHK-01, 02, 03

case("vhdx_file_cut_in_headers", ["VHDX_FILE_SHORT"], base=bases.dynamic,
     damage=edit(lambda v: v.truncate(MIB - 1)))
case("vhdx_file_of_one_sector", ["VHDX_FILE_SHORT"], base=bases.dynamic,
     damage=edit(lambda v: v.truncate(512)))
case("vhdx_signature_wiped", ["VHDX_SIGNATURE"], base=bases.dynamic, at=0,
     damage=edit(lambda v: v.write(0, bytes(8))))
case("vhdx_signature_flipped", ["VHDX_SIGNATURE"], base=bases.child,
     damage=edit(lambda v: v.write(7, b"\0")))
case("vhdx_signature_and_log", ["VHDX_SIGNATURE"], base=bases.dynamic,
     damage=edit(lambda v: (journal.hide_table(v), v.write(0, b"\xff" * 8))),
     also={"VHDX_LOG_PENDING": "the log is pending besides"})
case("vhdx_creator_surrogate", ["VHDX_CREATOR_TEXT"], base=bases.dynamic,
     damage=edit(lambda v: v.write(8, b"\x00\xd8")))
case("vhdx_ident_tail", ["VHDX_IDENT_TAIL"], base=bases.dynamic,
     damage=edit(lambda v: v.write(64 * KIB - 1, b"\1")))
case("vhdx_ident_tail_first", ["VHDX_IDENT_TAIL"], base=bases.dynamic,
     damage=edit(lambda v: v.write(520, b"\1")))

# CHK-04, 05: one header, or both

case("vhdx_header_1_checksum", ["VHDX_HDR_ONE_BAD"], base=bases.dynamic,
     at=64 * KIB, damage=edit(lambda v: bad_sum(v, 0)))
case("vhdx_header_2_checksum", ["VHDX_HDR_ONE_BAD"], base=bases.dynamic,
     at=128 * KIB, damage=edit(lambda v: bad_sum(v, 1)))
case("vhdx_header_1_wiped", ["VHDX_HDR_ONE_BAD"], base=bases.child,
     damage=edit(lambda v: wiped(v, 0)))
case("vhdx_header_2_wiped", ["VHDX_HDR_ONE_BAD"], base=bases.child,
     damage=edit(lambda v: wiped(v, 1)))


def newer_bad(v):
    """The newer header alone names the log, and its checksum is wrong."""
    journal.hide_table(v)
    older = 1 - v.current()
    v.header(older)["log_guid"] = uuid.UUID(int=0)
    v.seal_header(older)
    bad_sum(v, v.current())


NEWER = {"VHDX_HDR_ONE_BAD": "it is damaged",
         "VHDX_LEAK": "the table is in the log",
         "VHDX_TABLE_LOST": "the table is in the log"}
case("vhdx_header_newer", ["VHDX_HDR_NEWER_BAD"], base=bases.dynamic,
     damage=edit(newer_bad), also=NEWER, says="was the newer one")
case("vhdx_header_newer_given_up", ["VHDX_HDR_NEWER_BAD"], choice="older",
     base=bases.dynamic, damage=edit(newer_bad), also=NEWER,
     repaired_same="readable", clean=False)
case("vhdx_header_signature", ["VHDX_HDR_ONE_BAD"], base=bases.sectors_4k,
     damage=edit(lambda v: (v.write(b.HEADER_OFF[1], b"hEad"),
                            v.seal_header(1))))
case("vhdx_header_reserved_flipped", ["VHDX_HDR_ONE_BAD"], base=bases.dynamic,
     damage=edit(lambda v: v.write(b.HEADER_OFF[1] + 4095, b"\1")))
for copy in (0, 1):
    case(f"vhdx_header_{copy + 1}_wiped_and_log",
         ["VHDX_HDR_ONE_BAD", "VHDX_LOG_PENDING"], base=bases.dynamic,
         damage=edit(lambda v, copy=copy: (journal.hide_table(v),
                                           wiped(v, copy))))
case("vhdx_headers_checksums", ["VHDX_HDR_BOTH_BAD"], base=bases.dynamic,
     damage=edit(lambda v: (bad_sum(v, 0), bad_sum(v, 1))))
case("vhdx_headers_checksums_and_log", ["VHDX_HDR_BOTH_BAD"],
     base=bases.dynamic, damage=edit(lambda v: (
         journal.hide_table(v), bad_sum(v, 0), bad_sum(v, 1))),
     allow=["VHDX_HDR_BOTH_BAD"])
case("vhdx_headers_one_wiped_one_checksum", ["VHDX_HDR_BOTH_BAD"],
     base=bases.child, damage=edit(lambda v: (wiped(v, 0), bad_sum(v, 1))))
case("vhdx_headers_wiped", ["VHDX_HDR_BOTH_BAD"], base=bases.dynamic,
     damage=edit(lambda v: wiped(v, 0, 1)), repair=None,
     why="a log may have been pending: the owner has to say \"discard\"")
case("vhdx_headers_wiped_discard", ["VHDX_HDR_BOTH_BAD"], base=bases.dynamic,
     damage=edit(lambda v: wiped(v, 0, 1)), choice="discard")

# CHK-06: equal sequence numbers


def tie(v):
    """The same number, and different contents."""
    v.header(0)["seq"] = v.header(1)["seq"]
    v.header(0)["data_write"] = OTHER
    v.seal_header(0)


case("vhdx_headers_tie", ["VHDX_HDR_SEQ_TIE"], base=bases.dynamic,
     damage=edit(tie))
case("vhdx_headers_twins", ["VHDX_HDR_TWINS"], base=bases.dynamic,
     damage=edit(lambda v: v.write(b.HEADER_OFF[0], v.read(
         b.HEADER_OFF[1], b.HEADER_LEN))))

# CHK-07: the older header says something else


def stale(v, **values):
    """Set fields of the older header."""
    copy = 1 - v.current()
    v.header(copy).update(**values)
    v.seal_header(copy)


case("vhdx_header_stale_id", ["VHDX_HDR_DIFFER"], base=bases.dynamic,
     damage=edit(lambda v: stale(v, file_write=OTHER)))
case("vhdx_header_stale_log", ["VHDX_HDR_DIFFER"], base=bases.dynamic,
     damage=edit(lambda v: stale(v, log_guid=journal.LOG_GUID)))
case("vhdx_header_stale_version", ["VHDX_HDR_DIFFER"], base=bases.dynamic,
     damage=edit(lambda v: stale(v, version=2)))

# CHK-08, 09, 10

case("vhdx_version_2", ["VHDX_HDR_VERSION"], base=bases.dynamic,
     damage=edit(lambda v: v.set_headers(version=2)))
case("vhdx_version_0", ["VHDX_HDR_VERSION"], base=bases.child,
     damage=edit(lambda v: v.set_headers(version=0)))
case("vhdx_log_version_pending", ["VHDX_LOG_VERSION"], base=bases.dynamic,
     damage=edit(lambda v: (journal.hide_table(v),
                            v.set_headers(log_version=1))))
case("vhdx_log_version_idle", ["VHDX_LOG_VERSION_IDLE"], base=bases.dynamic,
     damage=edit(lambda v: v.set_headers(log_version=1)))
case("vhdx_header_reserved", ["VHDX_HDR_RESERVED"], base=bases.dynamic,
     damage=edit(lambda v: v.set_headers(reserved=b"reserved".ljust(16))))
case("vhdx_file_write_zero", ["VHDX_HDR_GUID_ZERO"], base=bases.dynamic,
     damage=edit(lambda v: v.set_headers(file_write=b.NO_GUID)))
case("vhdx_data_write_zero", ["VHDX_HDR_GUID_ZERO"], base=bases.dynamic,
     damage=edit(lambda v: v.set_headers(data_write=b.NO_GUID)))

# CHK-11: where the log is said to be

LOST_LOG = {"VHDX_LEAK": "the space of the log belongs to nobody then"}
for name, values in {
        "unaligned": {"log_off": MIB + 4 * KIB},
        "in_headers": {"log_off": 0},
        "odd_length": {"log_len": MIB - 4 * KIB},
        "past_2_64": {"log_off": (1 << 64) - MIB, "log_len": 2 * MIB}}.items():
    case(f"vhdx_log_place_idle_{name}", ["VHDX_LOG_PLACE_IDLE"],
         base=bases.dynamic, also=LOST_LOG,
         damage=edit(lambda v, values=values: v.set_headers(**values)))
for name, values in {
        "unaligned": {"log_off": MIB + 4 * KIB},
        "in_headers": {"log_off": 0},
        "odd_length": {"log_len": MIB - 4 * KIB},
        "no_length": {"log_len": 0},
        "past_end": {"log_off": 1 << 40},
        "past_2_63": {"log_off": 1 << 63}}.items():
    case(f"vhdx_log_place_pending_{name}", ["VHDX_LOG_PLACE"],
         base=bases.dynamic, damage=edit(lambda v, values=values: (
             journal.hide_table(v), v.set_headers(**values))))
