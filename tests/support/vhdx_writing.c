/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_writing.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_engine.h"

enum { PIECE = 65536 };

void vhdx_writing_again(struct vhdx_writing *t)
{
	struct vhd_engine_open req = { .io = t->io, .writable = true,
				       .cache_bytes = 65536 };
	void *eng = NULL;

	memset(&t->err, 0, sizeof(t->err));
	t->rc = vhdx_engine.open(&req, &eng, &t->err);
	t->x = eng;
	t->w = eng ? vhdx_engine.writer(eng) : NULL;
}

void vhdx_writing_begin_io(struct vhdx_writing *t, struct vhd_io *io)
{
	ck_assert_ptr_nonnull(io);
	t->io = io;
	vhdx_writing_again(t);
}

void vhdx_writing_begin(struct vhdx_writing *t, const struct vhdx_image *img)
{
	vhdx_writing_begin_io(t, vhdx_image_io(img));
}

void vhdx_writing_shut(struct vhdx_writing *t)
{
	ck_assert_msg(!vhdx_engine.shut(t->x, &t->err), "%s", t->err.msg);
	vhdx_engine.close(t->x);
	t->x = NULL;
	t->w = NULL;
}

static void no_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	const enum vhd_severity *worst = arg;

	ck_assert_msg(rule->severity <= *worst, "0x%llx: %s",
		      (unsigned long long)off, msg);
}

void vhdx_writing_shut_check(struct vhdx_writing *t, enum vhd_severity worst)
{
	struct vhd_engine_open req = { .io = t->io,
				       .sink = { no_finding, &worst } };
	struct vhd_engine_check check = { .sink = { no_finding, &worst } };
	void *eng = NULL;

	vhdx_writing_shut(t);
	ck_assert_msg(!vhdx_engine.open(&req, &eng, &t->err), "%s", t->err.msg);
	ck_assert_msg(!vhdx_engine.check(eng, &check, &t->err), "%s",
		      t->err.msg);
	vhdx_engine.close(eng);
}

void vhdx_writing_end(struct vhdx_writing *t)
{
	vhdx_engine.close(t->x);
	vhd_io_close(&t->io, NULL);
}

static int put(struct vhdx_writing *t, uint64_t file_off, uint64_t len,
	       uint8_t byte)
{
	static uint8_t buf[PIECE];
	int rc = 0;

	memset(buf, byte, sizeof(buf));
	while (!rc && len) {
		size_t n = (size_t)min_u64(len, PIECE);

		rc = vhd_io_write(t->io, buf, n, file_off, &t->err);
		file_off += n;
		len -= n;
	}
	return rc;
}

/* Through a ticket, up to the end of a block; how far in *@len. */
static int fill_new(struct vhdx_writing *t, uint64_t off, uint64_t *len,
		    uint8_t byte)
{
	struct vhd_ticket k;
	int failed = 0;
	int rc = vhd_writer_begin(t->w, off, *len, false, &k, &t->err);

	if (rc)
		return rc;
	for (uint32_t i = 0; !failed && i < k.fill_count; i++)
		failed = put(t, k.fill[i].file_off, k.fill[i].len,
			     VHDX_WRITING_PARENT);
	if (k.fill_count)
		vhd_writer_filled(t->w, &k);
	if (!failed)
		failed = put(t, k.file_off, k.len, byte);
	*len = k.len;
	rc = vhd_writer_end(t->w, &k, !failed, &t->err);
	return failed ? failed : rc;
}

int vhdx_writing_fill(struct vhdx_writing *t, uint64_t off, uint64_t len,
		      uint8_t byte)
{
	struct vhd_grace_token token;
	int rc = vhd_writer_ready(t->w, &t->err);

	token = vhd_writer_enter(t->w);
	while (!rc && len) {
		struct vhd_run run;
		uint64_t n;

		rc = vhdx_engine.map(t->x, off, len, &run, &t->err);
		if (rc)
			break;
		n = run.len;
		rc = run.kind == VHD_RUN_DATA ? put(t, run.file_off, n, byte)
					      : fill_new(t, off, &n, byte);
		off += n;
		len -= n;
	}
	vhd_writer_leave(t->w, token);
	return rc;
}

static void get(struct vhdx_writing *t, uint64_t off, uint8_t *buf, size_t len)
{
	while (len) {
		struct vhd_run run;

		ck_assert_msg(!vhdx_engine.map(t->x, off, len, &run, &t->err),
			      "%s", t->err.msg);
		if (run.kind == VHD_RUN_DATA)
			ck_assert_int_eq(vhd_io_read_padded(t->io, buf,
							    (size_t)run.len,
							    run.file_off,
							    &t->err), 0);
		else
			memset(buf, run.kind == VHD_RUN_PARENT &&
				    t->x->meta.has_parent ?
				    VHDX_WRITING_PARENT : 0, (size_t)run.len);
		off += run.len;
		buf += run.len;
		len -= (size_t)run.len;
	}
}

uint8_t vhdx_writing_byte(struct vhdx_writing *t, uint64_t off)
{
	uint8_t byte;

	get(t, off, &byte, 1);
	return byte;
}

bool vhdx_writing_is(struct vhdx_writing *t, uint64_t off, uint64_t len,
		     uint8_t byte)
{
	static uint8_t buf[PIECE], want[PIECE];

	memset(want, byte, sizeof(want));
	while (len) {
		size_t n = (size_t)min_u64(len, PIECE);

		get(t, off, buf, n);
		if (memcmp(buf, want, n))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

void vhdx_writing_unmap(struct vhdx_writing *t, uint64_t blk,
			enum vhd_unmap how)
{
	bool done = false;

	ck_assert_int_eq(vhd_writer_ready(t->w, &t->err), 0);
	ck_assert_msg(!vhd_writer_unmap(t->w, blk, how, &done, &t->err), "%s",
		      t->err.msg);
	ck_assert(done);
}

void vhdx_writing_commit(struct vhdx_writing *t, enum vhd_commit mode)
{
	ck_assert_msg(!vhd_writer_commit(t->w, mode, &t->err), "%s",
		      t->err.msg);
}

uint64_t vhdx_writing_entry(struct vhdx_writing *t, uint64_t idx)
{
	struct vhdx_bat_cursor cur = { .x = t->x };
	struct vhdx_batent ent;

	ck_assert_int_eq(vhdx_bat_get(&cur, idx, &ent, &t->err), 0);
	vhdx_bat_put(&cur);
	return vhdx_batent_pack(ent.state, ent.file_off);
}

uint64_t vhdx_writing_file_size(const struct vhdx_writing *t)
{
	uint64_t size = 0;

	ck_assert_int_eq(vhd_io_size(t->io, &size, NULL), 0);
	return size;
}

uint8_t vhdx_writing_raw(const struct vhdx_writing *t, uint64_t off)
{
	uint8_t byte = 0;

	ck_assert_int_eq(vhd_io_read_padded(t->io, &byte, 1, off, NULL), 0);
	return byte;
}
