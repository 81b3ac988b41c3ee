/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repair of the table, one walk after the other.
 *
 * A walk reads the table in pieces, asks a function what is to become of each
 * entry, and hands the pages that it changed to the store, which brings them
 * into the file through the log.  The first walk judges entries by themselves
 * and claims their space in a map of one bit for each MiB, in the order of the
 * table: who finds its space claimed is the later owner.  What only the whole
 * map shows (space of unmapped blocks, overlaps that the later owner is to win)
 * has walks of its own; they are made when the one before found nothing to do,
 * because then the map is the truth.  So a call ends after the first walk that
 * changed something, and the next call goes on.
 *
 * Memory is the map, a piece, and the pages of one commit.  Blocks that get a
 * copy get it at the end of the file; nothing that is mapped is written over.
 */
#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx_repair_bat_priv.h"

bool vhdx_mend_ok(struct vhdx_mend *m, int rc)
{
	if (rc && !m->rc)
		m->rc = rc;
	return !m->rc;
}

static bool tell_progress(struct vhdx_mend *m, uint64_t done)
{
	const struct vhd_engine_repair *req = m->req;

	if (!req->progress ||
	    req->progress(req->progress_arg, done, m->x->bat_room))
		return true;
	return vhdx_mend_ok(m, vhd_fail(m->err, VHD_E_CANCELLED,
					"repair was cancelled"));
}

uint64_t vhdx_mend_look(struct vhdx_mend *m, uint64_t idx)
{
	le64 raw = { { 0 } };

	if (!m->rc)
		m->rc = vhdx_mend_store_read(&m->store, &raw, sizeof(raw),
					     vhdx_bat_file_off(m->x, idx),
					     m->err);
	return le64_get(raw);
}

static void mend_one(struct vhdx_mend *m, const struct vhdx_mend_walk *how,
		     uint64_t i)
{
	le64 *ent = (le64 *)m->buf + i;
	uint64_t raw = le64_get(*ent), now;

	if (!raw && !how->zeros)
		return;
	now = how->fn(m, m->piece_idx + i, raw);
	if (now == raw || m->rc)
		return;
	*ent = le64_make(now);
	m->dirty |= UINT64_C(1) << (i * sizeof(raw) / VHD_PAGE_SIZE);
	m->changed++;
}

static void piece_mend(struct vhdx_mend *m, const struct vhdx_mend_walk *how)
{
	uint64_t i;

	m->dirty = 0;
	for (i = 0; i < m->piece_count && !m->rc && !m->full; i++)
		mend_one(m, how, how->backward ? m->piece_count - 1 - i : i);
}

void vhdx_mend_commit(struct vhdx_mend *m)
{
	if (!m->rc && m->want_end > m->file_end)
		vhdx_mend_extend(m, m->want_end);
	if (!m->rc)
		m->rc = vhdx_mend_store_commit(&m->store, m->file_end, m->err);
}

static void piece_put(struct vhdx_mend *m)
{
	uint64_t off = vhdx_bat_file_off(m->x, m->piece_idx);

	for (uint64_t i = 0; i < MEND_PAGES && !m->rc; i++) {
		if (m->dirty >> i & 1)
			m->rc = vhdx_mend_store_page(
				&m->store, off + i * VHD_PAGE_SIZE,
				m->buf + i * VHD_PAGE_SIZE, m->err);
	}
	if (!m->rc && m->store.set.count > MEND_COMMIT - MEND_PAGES)
		vhdx_mend_commit(m);
}

static void piece_do(struct vhdx_mend *m, const struct vhdx_mend_walk *how,
		     uint64_t idx)
{
	m->piece_idx = idx;
	m->piece_count = min_u64(m->x->bat_room - idx, MEND_PIECE / 8);
	m->rc = vhdx_mend_store_read(&m->store, m->buf, m->piece_count * 8,
				     vhdx_bat_file_off(m->x, idx), m->err);
	if (!m->rc)
		piece_mend(m, how);
	if (!m->rc)
		piece_put(m);
}

/*
 * The first entry from @idx on that need not be zero; holes are free.  Up to
 * *@stop no hole has to be looked for: asking once for each piece would make the
 * kernel walk over all of a long table every time.
 */
static uint64_t next_stored(struct vhdx_mend *m, uint64_t idx, uint64_t *stop)
{
	uint64_t end = vhdx_bat_file_off(m->x, m->x->bat_room);
	uint64_t off = vhdx_bat_file_off(m->x, idx), start;

	if (off < *stop)
		return idx;
	m->rc = vhd_io_next_data(m->req->io, off, end, &start, stop, m->err);
	return m->rc ? idx : (start - m->x->regions.bat.off) / 8;
}

int vhdx_mend_walk(struct vhdx_mend *m, const struct vhdx_mend_walk *how)
{
	const uint64_t step = MEND_PIECE / 8;
	uint64_t room = m->x->bat_room;
	uint64_t idx = how->backward ? align_down(room - 1, step) : 0;
	uint64_t stop = 0;

	for (;;) {
		if (!how->zeros && !how->backward)
			idx = align_down(next_stored(m, idx, &stop), step);
		if (m->rc || m->full || idx >= room ||
		    !tell_progress(m, how->backward ? room - idx : idx))
			break;
		piece_do(m, how, idx);
		if (how->backward && !idx)
			break;
		idx = how->backward ? idx - step : idx + step;
	}
	vhdx_mend_commit(m);
	return m->rc;
}

static int begin(struct vhdx_mend *m, const struct vhd_engine_repair *req,
		 struct vhdx *x, struct vhd_error *err)
{
	int rc;

	m->req = req;
	m->x = x;
	m->err = err;
	m->file_end = x->file_size;
	vhdx_mend_store_begin(&m->store, req, x);
	rc = vhdx_space_init(&m->space, x->file_size, err);
	m->buf = vhd_alloc(MEND_PIECE);
	if (!rc && !m->buf)
		rc = vhd_fail_nomem(err);
	return rc;
}

/* Overlaps that the later owner wins: from the end, it comes first. */
static void walk_second(struct vhdx_mend *m)
{
	const struct vhdx_mend_walk how = { vhdx_mend_second, false, true };

	vhdx_space_free(&m->space);
	vhdx_mend_ok(m, vhdx_space_init(&m->space, m->x->file_size, m->err));
	if (!m->rc)
		vhdx_mend_walk(m, &how);
}

static void walks(struct vhdx_mend *m)
{
	const struct vhdx_mend_walk entries = { vhdx_mend_entry, false, false };
	const struct vhdx_mend_walk anchors = { vhdx_mend_anchor, false,
						false };

	const struct vhdx_mend_walk strays = { vhdx_mend_doubtful, false,
					       false };

	if (m->req->drop_count)
		vhdx_mend_drop(m);
	if (!m->rc && !m->changed)
		vhdx_mend_walk(m, &entries);
	if (!m->rc && !m->changed && !m->full && m->anchors)
		vhdx_mend_walk(m, &anchors);
	if (!m->rc && !m->changed && !m->full && m->strays)
		vhdx_mend_walk(m, &strays);
	if (!m->rc && !m->changed && !m->full && m->clashes)
		walk_second(m);
	if (!m->rc && !m->changed && !m->full)
		vhdx_mend_fixed(m);
	if (!m->rc)
		m->rc = vhdx_mend_store_end(&m->store, m->file_end, m->err);
}

int vhdx_repair_table(const struct vhd_engine_repair *req, struct vhdx *x,
		      struct vhd_error *err)
{
	struct vhdx_mend *m;
	int rc;

	if (x->overlay || !vhd_guid_is_zero(&vhdx_current(x)->log_guid))
		return 0;
	m = vhd_alloc(sizeof(*m));
	if (!m)
		return vhd_fail_nomem(err);
	m->rc = begin(m, req, x, err);
	if (!m->rc)
		walks(m);
	rc = m->rc;
	vhdx_mend_store_free(&m->store);
	vhdx_space_free(&m->space);
	vhd_free(m->buf);
	vhd_free(m);
	return rc;
}
