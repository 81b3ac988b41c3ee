/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_UNDO_DISK_H
#define VHD_OPS_UNDO_DISK_H

/*
 * An undo file.
 *
 *	header		what it belongs to; witnesses
 *	part		a sector with a PART record, then records
 *	part		...
 *	end		a sector with a DONE record, then digests
 *
 * Numbers are little endian.  The header, each part and the end begin on a
 * border of 512 bytes.  A part holds what one patch overwrites, the range
 * ascending, and then what it writes.  What a later part overwrites may be what
 * the patch of an earlier one has written, so parts are restored from the last
 * to the first.
 *
 * U1  The first part is durable before the file has a name, a later one before
 *     its first sector is written, and that before the image is changed.  So a
 *     first sector that is all zeros, or is not there, is a part that was never
 *     applied; one that is anything else than valid is damage.
 * U2  The end is written when all changes of the image are durable.
 * U3  Nothing that the repair has not written is overwritten or cut off unasked.
 *     With an end, the digests say what the repair has left.  Without one, each
 *     sector of what is overwritten or cut off is as a record says: as it was
 *     before a part, or as a change of a part has left it; and the length of the
 *     file is one that the repair passes through.
 *
 * Witnesses are checksums of some pages of the image as it was.  Those that no
 * part has anything of must not have changed while a repair was interrupted, or
 * it is another image.  Digests are checksums of what the image holds after the
 * repair: a number for each record of what was overwritten, in the order of the
 * file, one for its first MiB, one for its last 64 KiB, and one for all that
 * lies past the length it had before.
 */

#include "base/bytes.h"

enum {
	UNDO_VERSION = 2,
	UNDO_SECTOR = 512,
	UNDO_NAME_MAX = 1024,
	UNDO_WITNESS_LEN = 4096,
	UNDO_WITNESS_FIRST = 256,	/* pages at the beginning */
	UNDO_WITNESS_LAST = 16,		/* whole pages at the end */
	UNDO_WITNESS_MAX = UNDO_WITNESS_FIRST + UNDO_WITNESS_LAST,
	UNDO_DATA_MAX = 1 << 20,	/* bytes of a DATA record */
	UNDO_NEW_MAX = 8 << 20,		/* bytes that a NEW record is of */
	UNDO_DIGESTS = 3,		/* that are of no record */
	UNDO_HEAD_LEN = 1 << 20,	/* of the image, in the last digests */
	UNDO_TAIL_LEN = 1 << 16
};

#define UNDO_MAGIC "vhd undo"

struct undo_witness_disk {
	le64	off;			/* multiple of UNDO_WITNESS_LEN */
	le32	crc;			/* CRC-32C of the page */
	le32	reserved;
};
_Static_assert(sizeof(struct undo_witness_disk) == 16, "witness size");

struct undo_header_disk {
	uint8_t	magic[8];
	le32	crc;			/* CRC-32C of all of it, this as 0 */
	le32	version;
	le64	length;			/* of the image before all changes */
	uint8_t	id[16];			/* random */
	le32	witness_count;
	le32	name_len;
	uint8_t	reserved[16];
	/* From the directory of this file to the image; no NUL in it. */
	uint8_t	name[UNDO_NAME_MAX];
	struct undo_witness_disk witness[UNDO_WITNESS_MAX];
	uint8_t	pad[192];
};
_Static_assert(sizeof(struct undo_header_disk) % UNDO_SECTOR == 0,
	       "header size");

enum undo_kind {
	UNDO_PART = 0x54524150,		/* "PART" */
	UNDO_DATA = 0x41544144,		/* bytes follow */
	UNDO_ZERO = 0x4f52455a,		/* there were zeros */
	UNDO_HOLE = 0x454c4f48,		/* there was a hole */
	/*
	 * The rest of a part: what is there when it was applied, or when that
	 * was interrupted.
	 */
	UNDO_SPAN = 0x4e415053,		/* the file's end, or zeros; the first */
	UNDO_NEW = 0x2e57454e,		/* bytes; a CRC-32C per sector follows */
	UNDO_BLANK = 0x4b4e4c42,	/* zeros */
	UNDO_EDGE = 0x45474445,		/* one sector: anything; the file ends
					 * in its midst at some time */
	UNDO_DONE = 0x454e4f44
};

struct undo_rec_disk {
	le32	kind;
	le32	crc;			/* CRC-32C of the record, this as 0 */
	/*
	 * PART, DONE: length of the image, before the changes of the part and
	 * after all of them.  Else: where the bytes were.
	 */
	le64	off;
	/*
	 * PART, DONE: bytes that follow the sector.  Else: how many there were,
	 * whole sectors except at the end of what was overwritten.
	 */
	le64	len;
	le64	prev;			/* PART: where the one before is, or 0 */
	le32	data_crc;		/* DATA, NEW, DONE: of what follows */
	le32	reserved;
};
_Static_assert(sizeof(struct undo_rec_disk) == 40, "record size");

/*
 * What stands past the end of an image that is being restored: whoever finds it
 * goes on restoring and asks no questions, for they were asked before.
 */
struct undo_mark_disk {
	uint8_t	magic[8];
	uint8_t	id[16];			/* of the undo file */
	uint8_t	pad[484];
	le32	crc;
};
_Static_assert(sizeof(struct undo_mark_disk) == UNDO_SECTOR, "mark size");

#define UNDO_MARK_MAGIC "undoing "

#endif
