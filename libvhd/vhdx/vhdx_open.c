/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening: the order of vhdx.h, then a page cache whose pages are those of the
 * file after replay, then what writing needs if that is wanted.  Whatever makes
 * the file unusable ends the opening with its rule; other deviations go to the
 * caller's sink.  Time and memory depend on the headers only.
 */
#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx.h"
#include "vhdx/vhdx_apply.h"
#include "vhdx/vhdx_engine.h"
#include "vhdx/vhdx_write.h"

static int fetch_page(void *arg, uint64_t off, uint8_t *page,
		      struct vhd_error *err)
{
	const struct vhdx *x = arg;

	return vhdx_read(x, page, VHD_PAGE_SIZE, off, err);
}

int vhdx_ident_there(struct vhd_io *io, bool *yes_out, struct vhd_error *err)
{
	uint8_t bytes[8];
	int rc = vhd_io_read_padded(io, bytes, sizeof(bytes), VHDX_IDENT_OFF,
				    err);

	if (!rc)
		*yes_out = vhdx_ident_ok(bytes);
	return rc;
}

int vhdx_header_there(struct vhd_io *io, bool *yes_out, struct vhd_error *err)
{
	static const uint64_t place[2] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };
	uint8_t *buf = vhd_alloc(VHDX_HEADER_LEN);
	struct vhdx_header hdr;
	bool yes = false;
	int rc = 0;

	if (!buf)
		return vhd_fail_nomem(err);
	for (size_t i = 0; i < 2 && !yes && !rc; i++) {
		rc = vhd_io_read_padded(io, buf, VHDX_HEADER_LEN, place[i],
					err);
		yes = !rc && vhdx_header_decode(buf, &hdr);
	}
	if (!rc)
		*yes_out = yes;
	vhd_free(buf);
	return rc;
}

/*
 * A file whose identifier is gone and that has a sound header is a damaged
 * VHDX, not something unknown: opening it says what is wrong.
 */
int vhdx_probe(struct vhd_io *io, bool *ours_out, struct vhd_error *err)
{
	int rc = vhdx_ident_there(io, ours_out, err);

	return rc || *ours_out ? rc : vhdx_header_there(io, ours_out, err);
}

void vhdx_close(void *eng)
{
	struct vhdx *x = eng;

	if (!x)
		return;
	vhdx_write_close(x);
	vhd_pcache_free(x->pages);
	for (size_t i = 0; i < x->path_count; i++)
		vhd_free(x->path_text[i]);
	vhd_free(x->taken);
	vhdx_overlay_free(x->overlay);
	vhd_free(x);
}

/*
 * When all that is to be trusted has been read and found good (VHDX-WR-01): a
 * pending log goes in place, and the file is as it was read.
 */
static int log_apply(struct vhdx *x, struct vhd_error *err)
{
	int rc;

	if (!x->writable || !x->overlay)
		return 0;
	rc = vhdx_apply(x->io, &x->headers, x->overlay, err);
	if (rc)
		return rc;
	vhdx_overlay_free(x->overlay);
	x->overlay = NULL;
	x->real_size = x->file_size;
	return 0;
}

int vhdx_open(const struct vhd_engine_open *req, void **eng_out,
	      struct vhd_error *err)
{
	struct vhd_pcache_ops ops = { .fetch = fetch_page };
	struct vhdx *x;
	int rc;

	x = vhd_alloc(sizeof(*x));
	if (!x)
		return vhd_fail_nomem(err);
	x->io = req->io;
	x->writable = req->writable;
	rc = vhdx_load_header(x, &req->sink, err);
	if (rc)
		goto out;
	rc = vhdx_load_regions(x, &req->sink, err);
	if (rc)
		goto out;
	rc = vhdx_load_meta(x, &req->sink, err);
	if (!rc)
		rc = log_apply(x, err);
	if (rc)
		goto out;
	if (x->writable)
		ops.store = vhdx_write_stage;
	rc = vhd_pcache_new(&ops, x, req->cache_bytes, &x->pages, err);
	if (!rc && x->writable)
		rc = vhdx_write_open(x, req, err);
	if (rc)
		goto out;
	*eng_out = x;
	x = NULL;
out:
	vhdx_close(x);
	return rc;
}
