/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing: where the engine, the log and the writer meet.
 *
 * A page of metadata takes this way, and is found wherever it is:
 *
 *	page cache  --stage-->  writer  --store-->  log  --...-->  its place
 *
 * vhdx_read() looks from the far end to the near one, so a page that is handed
 * on between two looks could be missed.  The log knows about its own last step
 * (vhdx_log_read()), the writer about the one before (vhd_writer_read()).
 */
#include "vhdx/vhdx_write.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

static int touch(void *eng, struct vhd_error *err)
{
	struct vhdx *x = eng;

	return vhdx_log_touch(x->write->log, err);
}

static int store(void *eng, const struct vhd_pending *set, enum vhd_commit mode,
		 bool barrier, struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhdx_write *wr = x->write;

	return vhdx_log_store(wr->log, set, mode, barrier,
			      atomic_load(&wr->last_off), err);
}

/* VHDX-CLS-02 to 04, VHDX-SPC-07: no log is left that knows a longer file. */
static int shut(void *eng, struct vhd_error *err)
{
	struct vhdx *x = eng;
	int rc = vhdx_log_shut(x->write->log, err);

	return rc ? rc : vhdx_space_trim(x, err);
}

const struct vhd_writer_ops vhdx_writer_ops = {
	.touch = touch,
	.look = vhdx_write_look,
	.present = vhdx_write_present,
	.place = vhdx_write_place,
	.unplace = vhdx_write_unplace,
	.map = vhdx_write_map,
	.mark = vhdx_write_mark,
	.unmap = vhdx_write_unmap,
	.place_below = vhdx_write_place_below,
	.move = vhdx_write_move,
	.prepare = vhdx_write_prepare,
	.store = store,
	.shut = shut,
};

bool vhdx_write_begun(const struct vhdx *x)
{
	return x->write && x->write->w && vhd_writer_touched(x->write->w);
}

int vhdx_write_stage(void *arg, uint64_t off, const uint8_t *page,
		     uint32_t mask, struct vhd_error *err)
{
	struct vhdx *x = arg;

	/* Pages of metadata hold nothing else: the log gets them whole. */
	(void)mask;
	return vhd_writer_stage(x->write->w, off, page, VHD_PENDING_WHOLE,
				err);
}

static int read_logged(void *eng, void *buf, size_t len, uint64_t off,
		       struct vhd_error *err)
{
	const struct vhdx *x = eng;

	return vhdx_log_read(x->write->log, buf, len, off, err);
}

int vhdx_read(const struct vhdx *x, void *buf, size_t len, uint64_t off,
	      struct vhd_error *err)
{
	if (!vhdx_write_begun(x))
		return vhdx_overlay_read(x->overlay, x->io, buf, len, off, err);
	return vhd_writer_read(x->write->w, read_logged, buf, len, off, err);
}

int vhdx_expose(const struct vhdx *x, struct vhd_error *err)
{
	return vhdx_write_begun(x) ? vhd_writer_expose(x->write->w, err) : 0;
}

struct vhd_writer *vhdx_writer(void *eng)
{
	const struct vhdx *x = eng;

	return x->write ? x->write->w : NULL;
}

int vhdx_shut(void *eng, struct vhd_error *err)
{
	struct vhdx *x = eng;
	int rc;

	if (!x->write)
		return 0;
	rc = vhd_writer_close(x->write->w, err);
	x->write->w = NULL;
	return rc;
}

static int log_open(struct vhdx *x, struct vhd_error *err)
{
	const struct vhdx_log_new how = {
		.io = x->io,
		.headers = &x->headers,
		.bat_off = x->regions.bat.off,
		.bat_len = x->regions.bat.len,
	};

	/* All changes of metadata go through the log (VHDX-LOG-01). */
	if (!x->log.len)
		return vhd_fail(err, VHD_E_UNSUPPORTED, "the file has no room "
				"for a log, so it cannot be written to");
	return vhdx_log_new(&how, &x->write->log, err);
}

static int writer_open(struct vhdx *x, bool thread, struct vhd_error *err)
{
	const struct vhd_writer_new how = {
		.ops = &vhdx_writer_ops,
		.eng = x,
		.io = x->io,
		.pc = x->pages,
		.geom = {
			.virtual_size = x->geom.disk_size,
			.block_size = x->geom.block_size,
			.sector = x->geom.logical_sector,
			.unit = x->geom.logical_sector,
		},
		.thread = thread,
	};

	return vhd_writer_new(&how, &x->write->w, err);
}

int vhdx_write_open(struct vhdx *x, const struct vhd_engine_open *req,
		    struct vhd_error *err)
{
	int rc;

	x->write = vhd_alloc(sizeof(*x->write));
	if (!x->write)
		return vhd_fail_nomem(err);
	/* Until a place is needed nobody knows better, and nothing moves. */
	x->write->last_off = align_down(x->file_size, MiB);
	x->write->keep_len = x->real_size;
	rc = log_open(x, err);
	return rc ? rc : writer_open(x, req->thread, err);
}

void vhdx_write_close(struct vhdx *x)
{
	struct vhdx_write *wr = x->write;

	if (!wr)
		return;
	/* Without vhdx_shut(): the opening failed later, nothing is waiting. */
	vhd_writer_close(wr->w, NULL);
	vhd_space_clear(&wr->space);
	vhdx_log_free(wr->log);
	vhd_free(wr);
	x->write = NULL;
}
