/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/toy_format.h"

#include <check.h>
#include <string.h>

#include "base/fail.h"
#include "io/io_mem.h"

static int entry(struct toy *t, uint64_t blk, uint64_t *out,
		 struct vhd_error *err)
{
	return vhd_pcache_read(t->pc, 8 * blk, out, 8, err);
}

static int entry_set(struct toy *t, uint64_t blk, uint64_t value,
		     struct vhd_error *err)
{
	return vhd_pcache_write(t->pc, 8 * blk, &value, 8, err);
}

static int look(void *eng, uint64_t blk, struct vhd_blk *out,
		struct vhd_error *err)
{
	struct toy *t = eng;
	uint64_t e = 0;
	int rc = entry(t, blk, &e, err);

	out->at = e & ~UINT64_C(511);
	switch (e & 511) {
	case 0:
		out->kind = t->parent ? VHD_BLK_BELOW : VHD_BLK_ZERO;
		break;
	case 1:
		out->kind = VHD_BLK_FULL;
		break;
	case 2:
		out->kind = VHD_BLK_SOME;
		break;
	default:
		out->kind = VHD_BLK_ZERO;
	}
	return rc;
}

static int present(void *eng, uint64_t blk, const struct vhd_blk *b,
		   uint32_t from, uint32_t to, bool *yes_out,
		   uint32_t *count_out, struct vhd_error *err)
{
	uint8_t bits[16];
	uint32_t n = from;
	int rc = vhd_pcache_read(((struct toy *)eng)->pc,
				 TOY_BITMAPS + 16 * blk, bits, 16, err);

	(void)b;
	*yes_out = bits[from / 8] >> from % 8 & 1;
	while (n < to && (bits[n / 8] >> n % 8 & 1) == *yes_out)
		n++;
	*count_out = n - from;
	return rc;
}

static int place(void *eng, uint64_t blk, struct vhd_place *out,
		 struct vhd_error *err)
{
	struct toy *t = eng;

	(void)blk;
	(void)err;
	*out = (struct vhd_place){ t->next_off, t->next_off, TOY_BLOCK,
				   t->kind };
	t->next_off += TOY_BLOCK;
	t->places++;
	return 0;
}

static void unplace(void *eng, uint64_t off, uint64_t len,
		    enum vhd_space_kind kind)
{
	struct toy *t = eng;

	(void)len;
	(void)kind;
	t->unplaced++;
	t->unplaced_off = off;
}

static int map(void *eng, uint64_t blk, uint64_t at, struct vhd_error *err)
{
	return entry_set(eng, blk, at | 1, err);
}

static int mark(void *eng, uint64_t blk, const struct vhd_blk *b, uint64_t at,
		uint32_t from, uint32_t to, struct vhd_error *err)
{
	struct toy *t = eng;
	uint8_t bits[16] = { 0 };
	int rc = 0;

	if (b->kind == VHD_BLK_SOME)
		rc = vhd_pcache_read(t->pc, TOY_BITMAPS + 16 * blk, bits, 16,
				     err);
	for (uint32_t i = from; i < to; i++)
		bits[i / 8] |= (uint8_t)(1 << i % 8);
	if (!rc)
		rc = vhd_pcache_write(t->pc, TOY_BITMAPS + 16 * blk, bits, 16,
				      err);
	return rc ? rc : entry_set(t, blk, at | 2, err);
}

static int unmap(void *eng, uint64_t blk, const struct vhd_blk *b,
		 enum vhd_unmap how, bool *done_out, struct vhd_error *err)
{
	struct toy *t = eng;

	(void)how;
	if (b->kind == VHD_BLK_FULL || b->kind == VHD_BLK_SOME)
		vhd_writer_release(t->w, b->at, TOY_BLOCK);
	*done_out = true;
	return entry_set(t, blk, 3, err);
}

static int prepare(void *eng, uint64_t blk, const struct vhd_place *p,
		   bool whole, struct vhd_error *err)
{
	struct toy *t = eng;

	(void)blk;
	t->prepared++;
	if (whole || p->kind == VHD_SPACE_FRESH)
		return 0;
	return vhd_io_zero(t->io, p->len, p->off, err);
}

static int touch(void *eng, struct vhd_error *err)
{
	struct toy *t = eng;

	if (t->fail_touch)
		return vhd_fail(err, t->fail_touch, "no touch");
	t->touched++;
	return 0;
}

static int store(void *eng, const struct vhd_pending *set,
		 enum vhd_commit mode, bool barrier, struct vhd_error *err)
{
	struct toy *t = eng;
	int rc = 0;

	t->stores++;
	t->syncs += mode == VHD_COMMIT_SYNC;
	t->barriers += barrier;
	if (t->on_store) {
		void (*fn)(struct toy *) = t->on_store;

		t->on_store = NULL;
		fn(t);
	}
	if (t->fail_times) {
		t->fail_times--;
		return vhd_fail(err, t->fail_store, "no room to store");
	}
	for (size_t i = 0; !rc && i < set->count; i++)
		rc = vhd_io_write(t->io, set->pages[i].bytes, VHD_PAGE_SIZE,
				  set->pages[i].off, err);
	return rc;
}

static int shut(void *eng, struct vhd_error *err)
{
	(void)err;
	((struct toy *)eng)->shuts++;
	return 0;
}

static int read_file(void *eng, void *buf, size_t len, uint64_t off,
		     struct vhd_error *err)
{
	return vhd_io_read_padded(((struct toy *)eng)->io, buf, len, off, err);
}

static int fetch(void *arg, uint64_t off, uint8_t *page, struct vhd_error *err)
{
	struct toy *t = arg;

	return vhd_writer_read(t->w, read_file, page, VHD_PAGE_SIZE, off, err);
}

static int stage(void *arg, uint64_t off, const uint8_t *page, uint32_t mask,
		 struct vhd_error *err)
{
	return vhd_writer_stage(((struct toy *)arg)->w, off, page, mask, err);
}

void toy_open(struct toy *t, bool parent, bool thread)
{
	static const struct vhd_writer_ops ops = {
		.touch = touch, .look = look, .present = present,
		.place = place, .unplace = unplace, .map = map, .mark = mark,
		.unmap = unmap, .prepare = prepare, .store = store,
		.shut = shut,
	};
	static const struct vhd_pcache_ops pc_ops = { fetch, stage };
	struct vhd_writer_new how = {
		.ops = &ops,
		.eng = t,
		.geom = { TOY_BLOCKS * TOY_BLOCK, TOY_BLOCK, TOY_SECTOR,
			  TOY_UNIT },
		.thread = thread,
	};

	memset(t, 0, sizeof(*t));
	t->parent = parent;
	t->next_off = TOY_DATA;
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &t->io, NULL), 0);
	ck_assert_int_eq(vhd_pcache_new(&pc_ops, t, 0, &t->pc, NULL), 0);
	how.io = t->io;
	how.pc = t->pc;
	ck_assert_int_eq(vhd_writer_new(&how, &t->w, NULL), 0);
}

int toy_close(struct toy *t, struct vhd_error *err)
{
	int rc = vhd_writer_close(t->w, err);

	t->w = NULL;
	vhd_pcache_free(t->pc);
	vhd_io_close(&t->io, NULL);
	return rc;
}

int toy_write(struct toy *t, uint64_t off, const void *buf, uint64_t len,
	      struct vhd_error *err)
{
	struct vhd_grace_token token = vhd_writer_enter(t->w);
	struct vhd_ticket ticket;
	int rc = vhd_writer_ready(t->w, err);

	if (!rc)
		rc = vhd_writer_begin(t->w, off, len, false, &ticket, err);
	if (!rc) {
		if (ticket.fill_count)
			vhd_writer_filled(t->w, &ticket);
		rc = vhd_io_write(t->io, buf, (size_t)ticket.len,
				  ticket.file_off, err);
		ck_assert_int_eq(rc, 0);
		rc = vhd_writer_end(t->w, &ticket, true, err);
	}
	vhd_writer_leave(t->w, token);
	return rc;
}

uint64_t toy_stored_entry(struct toy *t, uint64_t blk)
{
	uint64_t e = 0;

	ck_assert_int_eq(vhd_io_read_padded(t->io, &e, 8, 8 * blk, NULL), 0);
	return e;
}

uint32_t toy_bits(struct toy *t, uint64_t blk)
{
	uint32_t bits = 0;

	ck_assert_int_eq(vhd_pcache_read(t->pc, TOY_BITMAPS + 16 * blk, &bits,
					 4, NULL), 0);
	return bits;
}
