/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_JOURNAL_H
#define VHD_XEN_JOURNAL_H

/*
 * The journal of a resize (VHD-X-21 to VHD-X-23): what an image held in the places
 * that the resize is about to overwrite, so that it can be put back.
 *
 * A header, then notes: a head of 32 bytes and the old bytes each, first those of
 * structures, then those of blocks.  All of it is durable before the image changes
 * in the first byte, and the header last, so a journal that says that it has notes
 * has all of them.  A header without notes ends the journal's life: there is
 * nothing to put back.
 *
 * A file appears under its name when it is complete.  A device has no such moment;
 * there a header without notes goes first, lest an older journal be taken for this
 * one.
 *
 * The format is that of blktap, which can put back what we note and the other way
 * round.  Its last field, where the journal ends, it has in the order of the host,
 * which is little-endian wherever it runs, and it goes by that.  So that is the
 * order in which we write it, on any host; either one is taken.
 *
 * Only what is overwritten is noted, and not whole blocks: notes and the new
 * structures together are never more than the structures of a disk of 2 TiB,
 * 4.2 MiB, for which storage managers keep a device of 6 MiB.
 */

#include "codec/vhd1_disk.h"
#include "io/io.h"

enum {
	XEN_JOURNAL_HEAD = 512,
	XEN_NOTE_HEAD = 32,
	XEN_NOTES = 48		/* that we make: far more than there can be */
};

enum xen_note_type {
	XEN_NOTE_FOOTER = 1,
	XEN_NOTE_COPY = 2,
	XEN_NOTE_HEADER = 3,
	XEN_NOTE_LOCATOR = 4,
	XEN_NOTE_TABLE = 5,
	XEN_NOTE_BATMAP = 6,
	XEN_NOTE_MAP = 7,
	XEN_NOTE_DATA = 8
};

/* @len bytes that were at @off of the image are at @at of the journal. */
struct xen_note {
	uint32_t type;
	uint32_t len;		/* a multiple of 512, not 0 */
	uint64_t off;
	uint64_t at;
	uint32_t checksum;
	uint8_t head[XEN_NOTE_HEAD];	/* as it is stored */
};

struct xen_journal_head {
	uint8_t id[16];		/* of the image */
	uint64_t footer_off;	/* where the image had its last footer */
	uint32_t data_count;
	uint32_t meta_count;
	uint64_t data_off;	/* of the first note */
	uint64_t meta_off;
	uint64_t end;
};

/* A journal that is being made, or was. */
struct xen_journal {
	struct vhd_io *io;
	bool device;
	struct xen_journal_head head;
	struct xen_note note[XEN_NOTES];	/* structures first */
	size_t count;
};

/* xen_journal_code.c */

/* False without the cookie. */
bool vhd_xen_journal_decode(const uint8_t raw[XEN_JOURNAL_HEAD],
			struct xen_journal_head *out);
void vhd_xen_journal_encode(const struct xen_journal_head *h,
			uint8_t raw[XEN_JOURNAL_HEAD]);
/* False without the mark of a note; @at is not its business. */
bool vhd_xen_note_decode(const uint8_t raw[XEN_NOTE_HEAD], struct xen_note *out);
void vhd_xen_note_encode(const struct xen_note *n, uint8_t raw[XEN_NOTE_HEAD]);
/* Of all bytes but the four of the checksum; the checksum is the complement. */
uint32_t vhd_xen_note_sum(const uint8_t head[XEN_NOTE_HEAD]);
uint32_t vhd_xen_byte_sum(uint32_t sum, const uint8_t *buf, size_t len);

/* xen_journal_make.c */

/* One more note; structures before data.  False: too many. */
bool vhd_xen_journal_add(struct xen_journal *j, uint32_t type, uint64_t off,
		     uint32_t len);
/* How long the journal will be. */
uint64_t vhd_xen_journal_len(const struct xen_journal *j);
/* Writes it, with what @image holds, durably. */
int vhd_xen_journal_make(struct xen_journal *j, struct vhd_io *image,
		     struct vhd_error *err);
/* There is nothing to put back any more, durably. */
int vhd_xen_journal_commit(struct vhd_io *io, const struct xen_journal_head *h,
		       struct vhd_error *err);
/* What the image held at @off when the journal was made; all of it is noted. */
int vhd_xen_journal_old(const struct xen_journal *j, void *buf, uint64_t len,
		    uint64_t off, struct vhd_error *err);

/* xen_journal_look.c */

/* VHD_E_CORRUPT when it is no journal. */
int vhd_xen_journal_load(struct vhd_io *io, struct xen_journal_head *out,
		     struct vhd_error *err);
static inline bool xen_journal_is_over(const struct xen_journal_head *h)
{
	return !h->data_count && !h->meta_count;
}
/* Every note, in order; VHD_E_CORRUPT when they are not what @h says. */
typedef int (*xen_note_fn)(void *arg, const struct xen_note *n,
			   struct vhd_error *err);
int vhd_xen_journal_walk(struct vhd_io *io, const struct xen_journal_head *h,
		     xen_note_fn fn, void *arg, struct vhd_error *err);
/* Is all of it as it was written, and does it make sense for the image? */
int vhd_xen_journal_check(struct vhd_io *io, const struct xen_journal_head *h,
		      struct vhd_error *err);

/* xen_journal_undo.c */

/*
 * The image is put back, durably, by a journal that was checked.  Cut off
 * anywhere, it is poisoned until the call, made again, has done all.
 */
int vhd_xen_journal_undo(struct vhd_io *io, const struct xen_journal_head *h,
		     struct vhd_io *image, bool device, struct vhd_error *err);

#endif
