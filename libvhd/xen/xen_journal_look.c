/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this a journal, and is it whole?  All of it is looked at before a byte of the
 * image is touched: what is put back from a damaged journal is lost.
 *
 * Journals of blktap note whole blocks, any number of them, so nothing here counts
 * on how many notes there are; a note has its head and at least a sector in the
 * file, and their number cannot exceed what fits.
 */
#include "xen/xen_journal.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"

enum { PIECE = 64 << 10 };

int vhd_xen_journal_load(struct vhd_io *io, struct xen_journal_head *out,
		     struct vhd_error *err)
{
	uint8_t raw[XEN_JOURNAL_HEAD];
	int rc = vhd_io_read(io, raw, sizeof(raw), 0, err);

	if (rc)
		return rc;
	if (!vhd_xen_journal_decode(raw, out))
		return vhd_fail(err, VHD_E_CORRUPT, "this is not the journal of "
				"a resize: it does not begin with \"vjournal\"");
	if (!xen_journal_is_over(out) &&
	    (out->footer_off % VHD1_SECTOR || out->footer_off > INT64_MAX))
		return vhd_fail(err, VHD_E_CORRUPT, "the journal says that the "
				"image had its footer at 0x%" PRIx64
				", which is no place for one",
				out->footer_off);
	return 0;
}

struct walk {
	struct vhd_io *io;
	const struct xen_journal_head *h;
	xen_note_fn fn;
	void *arg;
	uint64_t size;
};

static int bad_note(const struct walk *w, uint64_t at, const char *why,
		    struct vhd_error *err)
{
	(void)w;
	return vhd_fail(err, VHD_E_CORRUPT, "the note at 0x%" PRIx64
			" of the journal %s", at, why);
}

static int walk_one(const struct walk *w, bool data, uint64_t *at,
		    struct vhd_error *err)
{
	uint8_t raw[XEN_NOTE_HEAD];
	struct xen_note n;
	int rc;

	if (!range_in(*at, sizeof(raw), w->size))
		return bad_note(w, *at, "lies past its end", err);
	rc = vhd_io_read(w->io, raw, sizeof(raw), *at, err);
	if (rc)
		return rc;
	if (!vhd_xen_note_decode(raw, &n))
		return bad_note(w, *at, "is none", err);
	n.at = *at + XEN_NOTE_HEAD;
	if (!n.len || n.len % VHD1_SECTOR || !range_in(n.at, n.len, w->size))
		return bad_note(w, *at, "is cut off", err);
	if (data ? n.type != XEN_NOTE_DATA
		 : n.type < XEN_NOTE_FOOTER || n.type > XEN_NOTE_MAP)
		return bad_note(w, *at, "is of another kind than it should be",
				err);
	if (!range_in(n.off, n.len, w->h->footer_off + VHD1_FOOTER_LEN))
		return bad_note(w, *at, "is about bytes that the image did not "
				"have", err);
	*at = n.at + n.len;
	return w->fn(w->arg, &n, err);
}

static int walk_part(const struct walk *w, bool data, uint64_t *at,
		     struct vhd_error *err)
{
	uint32_t count = data ? w->h->data_count : w->h->meta_count;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < count; i++)
		rc = walk_one(w, data, at, err);
	return rc;
}

/* The header has no checksum; but its counts and places say the same twice. */
static int head_check(const struct xen_journal_head *h, uint64_t meta_end,
		      uint64_t end, struct vhd_error *err)
{
	if (h->meta_off == XEN_JOURNAL_HEAD &&
	    (!h->data_count || h->data_off == meta_end) &&
	    (h->end == end || __builtin_bswap64(h->end) == end))
		return 0;
	return vhd_fail(err, VHD_E_CORRUPT, "the header of the journal has "
			"counts and places that do not agree: the notes of "
			"structures end at 0x%" PRIx64 ", and all notes at 0x%"
			PRIx64, meta_end, end);
}

int vhd_xen_journal_walk(struct vhd_io *io, const struct xen_journal_head *h,
		     xen_note_fn fn, void *arg, struct vhd_error *err)
{
	struct walk w = { .io = io, .h = h, .fn = fn, .arg = arg };
	uint64_t at = XEN_JOURNAL_HEAD, meta_end;
	int rc = vhd_io_size(io, &w.size, err);

	if (!rc)
		rc = walk_part(&w, false, &at, err);
	meta_end = at;
	if (!rc)
		rc = walk_part(&w, true, &at, err);
	return rc ? rc : head_check(h, meta_end, at, err);
}

struct judge {
	struct vhd_io *io;
	const struct xen_journal_head *h;
	uint8_t *buf;
	uint32_t seen;		/* a bit for each type */
};

static int sum_check(const struct judge *g, const struct xen_note *n,
		     struct vhd_error *err)
{
	uint32_t sum = vhd_xen_note_sum(n->head), pos, some;

	for (pos = 0; pos < n->len; pos += some) {
		int rc;

		some = (uint32_t)min_u64(PIECE, n->len - pos);
		rc = vhd_io_read(g->io, g->buf, some, n->at + pos, err);
		if (rc)
			return rc;
		sum = vhd_xen_byte_sum(sum, g->buf, some);
	}
	if (~sum == n->checksum)
		return 0;
	return vhd_fail(err, VHD_E_CORRUPT, "the note at 0x%" PRIx64
			" of the journal has a wrong checksum",
			n->at - XEN_NOTE_HEAD);
}

/* Its first bytes are in the buffer. */
static bool footer_fits(const struct judge *g, const struct xen_note *n)
{
	struct vhd1_footer f;

	vhd1_footer_decode(g->buf, &f);
	return n->len == VHD1_FOOTER_LEN &&
	       vhd1_sealed(vhd1_footer_seal(g->buf)) &&
	       !memcmp(f.unique_id, g->h->id, sizeof(f.unique_id)) &&
	       n->off == (n->type == XEN_NOTE_COPY ? 0 : g->h->footer_off);
}

static bool content_fits(const struct judge *g, const struct xen_note *n)
{
	switch (n->type) {
	case XEN_NOTE_FOOTER:
	case XEN_NOTE_COPY:
		return footer_fits(g, n);
	case XEN_NOTE_HEADER:
		return n->len == VHD1_HEADER_LEN &&
		       vhd1_header_seal(g->buf) == VHD1_SEAL_OK;
	default:
		return true;
	}
}

static int judge_note(void *arg, const struct xen_note *n,
		      struct vhd_error *err)
{
	struct judge *g = arg;
	int rc = sum_check(g, n, err);

	if (rc)
		return rc;
	g->seen |= UINT32_C(1) << n->type;
	if (n->type <= XEN_NOTE_HEADER && !content_fits(g, n))
		return vhd_fail(err, VHD_E_CORRUPT, "the note at 0x%" PRIx64
				" of the journal holds no %s of this image",
				n->at - XEN_NOTE_HEAD,
				n->type == XEN_NOTE_HEADER ? "header"
							   : "footer");
	return 0;
}

int vhd_xen_journal_check(struct vhd_io *io, const struct xen_journal_head *h,
		      struct vhd_error *err)
{
	const uint32_t both = 1 << XEN_NOTE_FOOTER | 1 << XEN_NOTE_COPY;
	struct judge g = { .io = io, .h = h, .buf = vhd_alloc(PIECE) };
	int rc;

	if (!g.buf)
		return vhd_fail_nomem(err);
	rc = vhd_xen_journal_walk(io, h, judge_note, &g, err);
	vhd_free(g.buf);
	if (!rc && (g.seen & both) != both)
		return vhd_fail(err, VHD_E_CORRUPT, "the journal does not hold "
				"both footers of the image");
	return rc;
}
