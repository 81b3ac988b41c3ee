/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing: where the engine and the writer meet, and how metadata reaches the
 * file.
 *
 * VHD has no log.  What makes it safe (VHD-W-1 to VHD-W-7) is order, and that a
 * sector is written whole or not at all:
 *
 *  - The data of a block, and the past of its place, are dealt with before a
 *    bit or an entry leads there: store() flushes first when that matters.
 *  - A new place's bitmap is zeros on the disk.  So a table entry that becomes
 *    durable before its bitmap shows what was there before: zeros in a dynamic
 *    disk, the parent in a differencing one.  That is why bitmaps and table can
 *    go out in one go, bitmaps first for the sake of a killed process.
 *  - An entry changes within one sector of the table (VHD-B-11).
 *  - There always is a footer: vhd1_space.c, vhd1_mend.c.
 *
 * A page of the cache that holds a bitmap or a part of the table may hold guest
 * data next to it, as old as the page.  Only sectors that were changed as
 * metadata are written.
 */
#include "vhd1/vhd1_write.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/barrier.h"
#include "base/ckd.h"
#include "base/fail.h"

enum {
	BLOCK_SIZE_LEAST = 4096,	/* VHD-H-6 */
	UNIT_DIFF = 4096,		/* VHD-S-9 */
	FIXED_BLOCK = 2 << 20
};

static int sick_locked(const struct vhd1_write *wr, struct vhd_error *err)
{
	if (wr->sick && err)
		*err = wr->why;
	return wr->sick ? VHD_E_IO : 0;
}

static void flush_locked(struct vhd1 *v)
{
	struct vhd1_write *wr = v->write;

	wr->sick = vhd_io_flush(v->io, &wr->why) != 0;
}

int vhd1_flush(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd1_write *wr = v->write;
	int rc;

	pthread_mutex_lock(&wr->flushing);
	if (!wr->sick)
		flush_locked(v);
	rc = sick_locked(wr, err);
	pthread_mutex_unlock(&wr->flushing);
	return rc;
}

static int sick_check(struct vhd1_write *wr, struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&wr->flushing);
	rc = sick_locked(wr, err);
	pthread_mutex_unlock(&wr->flushing);
	return rc;
}

int vhd1_footer_put(struct vhd1 *v, uint64_t off, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	vhd1_footer_encode(&v->footer, raw);
	return vhd_io_write(v->io, raw, sizeof(raw), off, err);
}

/* The parts of the page at @off that belong to the table. */
static uint32_t table_mask(const struct vhd1 *v, uint64_t off)
{
	uint64_t len = vhd1_table_len(v->hdr.max_entries);
	uint32_t mask = 0;
	unsigned i;

	for (i = 0; i < VHD_PAGE_SIZE / VHD1_SECTOR; i++)
		if (ranges_overlap(off + i * VHD1_SECTOR, VHD1_SECTOR,
				   v->hdr.table_off, len))
			mask |= UINT32_C(1) << i;
	return mask;
}

/* The parts in @mask, neighbours together. */
static int write_parts(struct vhd1 *v, const struct vhd_pending_page *p,
		       uint32_t mask, struct vhd_error *err)
{
	while (mask) {
		unsigned from = (unsigned)__builtin_ctz(mask);
		unsigned n = (unsigned)__builtin_ctz(~(mask >> from));
		size_t at = (size_t)from * VHD1_SECTOR;
		int rc = vhd_io_write(v->io, p->bytes + at,
				      (size_t)n * VHD1_SECTOR, p->off + at,
				      err);

		if (rc)
			return rc;
		mask &= ~(((UINT32_C(1) << n) - 1) << from);
	}
	return 0;
}

static int write_set(struct vhd1 *v, const struct vhd_pending *set, bool table,
		     struct vhd_error *err)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		const struct vhd_pending_page *p = &set->pages[i];
		uint32_t of_table = table_mask(v, p->off);
		int rc = write_parts(v, p, p->mask & (table ? of_table
							    : ~of_table), err);

		if (rc)
			return rc;
	}
	return 0;
}

static int store_set(struct vhd1 *v, const struct vhd_pending *set,
		     enum vhd_commit mode, bool barrier, struct vhd_error *err)
{
	bool sync = mode == VHD_COMMIT_SYNC;
	int rc = 0;

	if ((sync || barrier) && vhd_barrier(VHD_BARRIER_DATA_BEFORE_MAP))
		rc = vhd1_flush(v, err);
	if (!rc)
		rc = write_set(v, set, false, err);
	if (!rc)
		rc = write_set(v, set, true, err);
	if (!rc && sync && vhd_barrier(VHD_BARRIER_FLUSH_METADATA))
		rc = vhd1_flush(v, err);
	return rc;
}

static int store(void *eng, const struct vhd_pending *set, enum vhd_commit mode,
		 bool barrier, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	struct vhd1_write *wr = v->write;
	int rc = sick_check(wr, err);

	if (!rc && set->count)
		rc = store_set(v, set, mode, barrier, err);
	else if (!rc && (mode == VHD_COMMIT_SYNC || barrier))
		rc = vhd1_flush(v, err);
	return rc;
}

const struct vhd_writer_ops vhd1_writer_ops = {
	.touch = vhd1_write_touch,
	.look = vhd1_write_look,
	.present = vhd1_write_present,
	.place = vhd1_write_place,
	.unplace = vhd1_write_unplace,
	.map = vhd1_write_map,
	.mark = vhd1_write_mark,
	.unmap = vhd1_write_unmap,
	.place_below = vhd1_write_place_below,
	.move = vhd1_write_move,
	.prepare = vhd1_write_prepare,
	.store = store,
	.shut = vhd1_write_trim,
};

/* All of a fixed disk is there, always. */
static int fixed_look(void *eng, uint64_t blk, struct vhd_blk *out,
		      struct vhd_error *err)
{
	(void)eng;
	(void)err;
	*out = (struct vhd_blk){
		.kind = VHD_BLK_FULL, .at = blk * FIXED_BLOCK
	};
	return 0;
}

const struct vhd_writer_ops vhd1_fixed_ops = {
	.look = fixed_look,
	.store = store,
};

/* Footers and header: what is in doubt is not built upon. */
static int seals_check(const struct vhd1 *v, struct vhd_error *err)
{
	if (!v->footers_ok)
		return vhd_fail_rule(err, RULE_VHD1_FOOTER_CHECKSUM,
			v->tail_off, "no footer has a right checksum: the "
			"image can be read, and must be repaired before it is "
			"written to");
	if (v->footers_differ)
		return vhd_fail_rule(err, RULE_VHD1_FOOTERS_DIFFER, 0,
			"the footer and its copy differ: the image can be "
			"read, and must be repaired before it is written to");
	if (v->header_unsealed)
		return vhd_fail_rule(err, RULE_VHD1_HDR_CHECKSUM,
			v->footer.data_off, "the dynamic header has a wrong "
			"checksum: the image can be read, and must be "
			"repaired before it is written to");
	return 0;
}

static int form_check(const struct vhd1 *v, struct vhd_error *err)
{
	if (!vhd1_is_sparse(v))
		return 0;
	if (v->batmap.key_cookie == 1 && !v->ciphertext)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_KEYHASH, v->batmap_hdr_off,
			"the data is encrypted, and there is no key: the "
			"image cannot be written to");
	if (v->hdr.block_size < BLOCK_SIZE_LEAST)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_BLOCK_SIZE_ODD, v->footer.data_off,
			"blocks of %" PRIu32 " bytes are too small: programs "
			"differ in where their data is, so the image cannot "
			"be written to", v->hdr.block_size);
	/* An entry in two sectors could not be changed in one step. */
	if (v->hdr.table_off % 4)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_BAT_UNALIGNED, v->hdr.table_off,
			"entries of the table at 0x%" PRIx64 " straddle "
			"sectors: the image cannot be written to",
			v->hdr.table_off);
	return 0;
}

static void report_saved(const struct vhd1 *v, const struct vhd_sink *sink)
{
	/* VHD-F-17 */
	if (v->footer.saved_state)
		vhd_report(sink, RULE_VHD1_SAVED_STATE, v->tail_off,
			   "saved state flag is %u: the state of a machine "
			   "that was saved does not fit the disk once it is "
			   "written to", v->footer.saved_state);
}

static int writer_open(struct vhd1 *v, const struct vhd_engine_open *req,
		       struct vhd_error *err)
{
	bool sparse = vhd1_is_sparse(v);
	const struct vhd_writer_new how = {
		.ops = sparse ? &vhd1_writer_ops : &vhd1_fixed_ops,
		.eng = v,
		.io = v->io,
		.pc = v->pc,
		.geom = {
			.virtual_size = v->virtual_size,
			.block_size = sparse ? v->hdr.block_size : FIXED_BLOCK,
			.sector = VHD1_SECTOR,
			.unit = v->footer.type == VHD1_TYPE_DIFF &&
				!v->write->exact ? UNIT_DIFF : VHD1_SECTOR,
		},
		.thread = req->thread,
		.unzeroed = v->write->exact &&
			    req->flags & VHD_OPEN_UNZEROED,
	};

	return vhd_writer_new(&how, &v->write->w, err);
}

int vhd1_write_open(struct vhd1 *v, const struct vhd_engine_open *req,
		    struct vhd_error *err)
{
	int rc = seals_check(v, err);

	if (!rc)
		rc = form_check(v, err);
	if (rc)
		return rc;
	v->write = vhd_alloc(sizeof(*v->write));
	if (!v->write)
		return vhd_fail_nomem(err);
	/* Default attributes need nothing that could be missing. */
	pthread_mutex_init(&v->write->flushing, NULL);
	report_saved(v, &req->sink);
	v->write->exact = req->flags & VHD_OPEN_EXACT;
	return writer_open(v, req, err);
}

void vhd1_write_close(struct vhd1 *v)
{
	struct vhd1_write *wr = v->write;

	if (!wr)
		return;
	/* Without vhd1_shut(): the opening failed later, nothing is waiting. */
	vhd_writer_close(wr->w, NULL);
	vhd_space_clear(&wr->space);
	vhd_free(wr->map);
	pthread_mutex_destroy(&wr->flushing);
	vhd_free(wr);
	v->write = NULL;
}

struct vhd_writer *vhd1_writer(void *eng)
{
	const struct vhd1 *v = eng;

	return v->write ? v->write->w : NULL;
}

int vhd1_shut(void *eng, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc;

	if (!v->write)
		return 0;
	rc = vhd_writer_close(v->write->w, err);
	v->write->w = NULL;
	return rc;
}
