/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a journal.  Its notes are planned first, all of them, so that what it
 * needs is known before anything is written; then they are filled with what the
 * image holds.
 */
#include "xen/xen_journal.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

enum { PIECE = 64 << 10 };

static uint64_t next_at(const struct xen_journal *j)
{
	const struct xen_note *last;

	if (!j->count)
		return XEN_JOURNAL_HEAD;
	last = &j->note[j->count - 1];
	return last->at + last->len;
}

bool vhd_xen_journal_add(struct xen_journal *j, uint32_t type, uint64_t off,
		     uint32_t len)
{
	uint64_t at = next_at(j);

	if (j->count == XEN_NOTES)
		return false;
	if (!j->count)
		j->head.meta_off = at;
	if (type == XEN_NOTE_DATA) {
		if (!j->head.data_count)
			j->head.data_off = at;
		j->head.data_count++;
	} else {
		j->head.meta_count++;
	}
	j->note[j->count++] = (struct xen_note){
		.type = type, .off = off, .len = len, .at = at + XEN_NOTE_HEAD
	};
	j->head.end = next_at(j);
	if (!j->head.data_count)
		j->head.data_off = j->head.end;
	return true;
}

uint64_t vhd_xen_journal_len(const struct xen_journal *j)
{
	return next_at(j);
}

static int write_head(struct vhd_io *io, const struct xen_journal_head *h,
		      struct vhd_error *err)
{
	uint8_t raw[XEN_JOURNAL_HEAD];
	int rc;

	vhd_xen_journal_encode(h, raw);
	rc = vhd_io_write(io, raw, sizeof(raw), 0, err);
	return rc ? rc : vhd_io_flush(io, err);
}

int vhd_xen_journal_commit(struct vhd_io *io, const struct xen_journal_head *h,
		       struct vhd_error *err)
{
	struct xen_journal_head over = *h;

	over.data_count = over.meta_count = 0;
	over.data_off = over.meta_off = over.end = XEN_JOURNAL_HEAD;
	return write_head(io, &over, err);
}

static int write_note(struct xen_journal *j, struct xen_note *n,
		      struct vhd_io *image, uint8_t *buf,
		      struct vhd_error *err)
{
	uint32_t sum, pos, some;
	int rc;

	n->checksum = 0;
	vhd_xen_note_encode(n, n->head);
	sum = vhd_xen_note_sum(n->head);
	for (pos = 0; pos < n->len; pos += some) {
		some = (uint32_t)min_u64(PIECE, n->len - pos);
		rc = vhd_io_read(image, buf, some, n->off + pos, err);
		if (!rc)
			rc = vhd_io_write(j->io, buf, some, n->at + pos, err);
		if (rc)
			return rc;
		sum = vhd_xen_byte_sum(sum, buf, some);
	}
	n->checksum = ~sum;
	vhd_xen_note_encode(n, n->head);
	return vhd_io_write(j->io, n->head, sizeof(n->head),
			    n->at - XEN_NOTE_HEAD, err);
}

static int room_check(struct xen_journal *j, struct vhd_error *err)
{
	uint64_t size = 0, len = vhd_xen_journal_len(j);
	int rc = vhd_io_size(j->io, &size, err);

	if (rc || size >= len)
		return rc;
	return vhd_fail(err, VHD_E_NOSPACE, "the journal needs %" PRIu64
			" bytes, and its device has %" PRIu64, len, size);
}

int vhd_xen_journal_make(struct xen_journal *j, struct vhd_io *image,
		     struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(PIECE);
	int rc = buf ? 0 : vhd_fail_nomem(err);

	if (!rc && j->device)
		rc = room_check(j, err);
	if (!rc && j->device)
		rc = vhd_xen_journal_commit(j->io, &j->head, err);
	for (size_t i = 0; !rc && i < j->count; i++)
		rc = write_note(j, &j->note[i], image, buf, err);
	if (!rc)
		rc = vhd_io_flush(j->io, err);
	if (!rc)
		rc = write_head(j->io, &j->head, err);
	vhd_free(buf);
	return rc;
}

static const struct xen_note *note_of(const struct xen_journal *j,
				      uint64_t off)
{
	for (size_t i = 0; i < j->count; i++) {
		const struct xen_note *n = &j->note[i];

		if (off >= n->off && off - n->off < n->len)
			return n;
	}
	return NULL;
}

int vhd_xen_journal_old(const struct xen_journal *j, void *buf, uint64_t len,
		    uint64_t off, struct vhd_error *err)
{
	uint8_t *to = buf;

	while (len) {
		const struct xen_note *n = note_of(j, off);
		uint64_t in, some;
		int rc;

		if (!n)
			return vhd_fail(err, VHD_E_INVAL, "byte 0x%" PRIx64
					" of the image was not noted", off);
		in = off - n->off;
		some = min_u64(len, n->len - in);
		rc = vhd_io_read(j->io, to, (size_t)some, n->at + in, err);
		if (rc)
			return rc;
		to += some;
		off += some;
		len -= some;
	}
	return 0;
}
