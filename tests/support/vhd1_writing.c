/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhd1_writing.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "vhd1/vhd1.h"

/* The bytes that are data, so that files may be longer than memory. */
static void copy_data(struct vhd_io *from, struct vhd_io *to)
{
	uint64_t size = vhd1_image_size(from), at = 0, stop;
	uint8_t *buf = malloc(1 << 20);

	ck_assert_int_eq(vhd_io_set_size(to, size, NULL), 0);
	while (at < size) {
		ck_assert_int_eq(vhd_io_next_data(from, at, size, &at, &stop,
						  NULL), 0);
		while (at < stop) {
			size_t n = (size_t)min_u64(stop - at, 1 << 20);

			vhd1_image_get(from, buf, n, at);
			vhd1_image_put(to, buf, n, at);
			at += n;
		}
	}
	free(buf);
}

struct vhd_io *vhd1_image_copy(struct vhd_io *io)
{
	struct vhd_io *copy;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &copy, NULL), 0);
	copy_data(io, copy);
	return copy;
}

void vhd1_bench_start(struct vhd1_bench *b, struct vhd_io *io)
{
	void *h = vhd_mem_new(NULL, 0);

	memset(b, 0, sizeof(*b));
	b->start = io;
	b->trace = vhd_trace_new();
	ck_assert_ptr_nonnull(b->trace);
	h = vhd_record_new(&vhd_mem_ops, h, b->trace);
	h = vhd_fault_new(&vhd_record_ops, h, &b->plan);
	ck_assert_ptr_nonnull(h);
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops, h, "bench", &b->io, NULL),
			 0);
	copy_data(io, b->io);
	b->first = b->seen = vhd_trace_count(b->trace);
}

int vhd1_bench_open(struct vhd1_bench *b, struct vhd_error *err)
{
	const struct vhd_engine_open req = { .io = b->io, .writable = true };
	void *eng;
	int rc = vhd1_engine.open(&req, &eng, err);

	if (rc)
		return rc;
	b->v = eng;
	b->w = vhd1_engine.writer(eng);
	return 0;
}

void vhd1_bench_new(struct vhd1_bench *b, struct vhd_io *io)
{
	struct vhd_error err;

	vhd1_bench_start(b, io);
	ck_assert_int_eq(vhd1_bench_open(b, &err), 0);
}

int vhd1_bench_shut(struct vhd1_bench *b, struct vhd_error *err)
{
	int rc = vhd1_engine.shut(b->v, err);

	ck_assert_ptr_null(vhd1_engine.writer(b->v));
	vhd1_engine.close(b->v);
	b->v = NULL;
	b->w = NULL;
	return rc;
}

void vhd1_bench_end(struct vhd1_bench *b)
{
	vhd1_engine.close(b->v);
	vhd_io_close(&b->io, NULL);
	vhd_io_close(&b->start, NULL);
	vhd_trace_free(b->trace);
	memset(b, 0, sizeof(*b));
}

static int put(struct vhd1_bench *b, uint8_t byte, uint64_t len, uint64_t at,
	       struct vhd_error *err)
{
	uint8_t *buf = malloc((size_t)len);
	int rc;

	memset(buf, byte, (size_t)len);
	rc = vhd_io_write(b->io, buf, (size_t)len, at, err);
	free(buf);
	return rc;
}

/* What the parent has there; it may end in the middle. */
static int fill(struct vhd1_bench *b, const struct vhd_fill *f,
		struct vhd_error *err)
{
	bool diff = b->v->footer.type == VHD1_TYPE_DIFF;
	uint64_t end = b->below ? b->below : UINT64_MAX;
	uint64_t n = diff && f->off < end ? min_u64(f->len, end - f->off) : 0;
	int rc = n ? put(b, VHD1_BELOW, n, f->file_off, err) : 0;

	if (!rc && n < f->len)
		rc = put(b, 0, f->len - n, f->file_off + n, err);
	return rc;
}

static int write_new(struct vhd1_bench *b, uint64_t off, uint8_t byte,
		     uint64_t len, uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_ticket t;
	uint32_t i;
	int end, rc;

	rc = vhd_writer_begin(b->w, off, len, false, &t, err);
	if (rc)
		return rc;
	for (i = 0; !rc && i < t.fill_count; i++)
		rc = fill(b, &t.fill[i], err);
	if (t.fill_count)
		vhd_writer_filled(b->w, &t);
	if (!rc)
		rc = put(b, byte, t.len, t.file_off, err);
	*done_out = t.len;
	end = vhd_writer_end(b->w, &t, !rc, err);
	return rc ? rc : end;
}

int vhd1_guest_write(struct vhd1_bench *b, uint64_t off, uint8_t byte,
		     uint64_t len, struct vhd_error *err)
{
	int rc = vhd_writer_ready(b->w, err);

	while (!rc && len) {
		struct vhd_grace_token token = vhd_writer_enter(b->w);
		uint64_t done = 0;
		struct vhd_run run;

		rc = vhd1_engine.map(b->v, off, len, &run, err);
		if (!rc && run.kind == VHD_RUN_DATA) {
			rc = put(b, byte, run.len, run.file_off, err);
			done = run.len;
		} else if (!rc) {
			rc = write_new(b, off, byte, run.len, &done, err);
		}
		vhd_writer_leave(b->w, token);
		off += done;
		len -= done;
	}
	return rc;
}

static void all_are(const uint8_t *buf, size_t len, uint8_t byte)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != byte)
			ck_abort_msg("byte %zu is 0x%02x, not 0x%02x", i,
				     buf[i], byte);
}

void vhd1_guest_expect(struct vhd1_bench *b, uint64_t off, uint8_t byte,
		       uint64_t len)
{
	while (len) {
		struct vhd_run run;
		uint8_t *buf;

		ck_assert_int_eq(vhd1_engine.map(b->v, off, len, &run, NULL),
				 0);
		if (run.kind == VHD_RUN_PARENT)
			ck_assert_uint_eq(byte, VHD1_BELOW);
		else if (run.kind == VHD_RUN_ZERO)
			ck_assert_uint_eq(byte, 0);
		if (run.kind == VHD_RUN_DATA) {
			buf = malloc((size_t)run.len);
			vhd1_image_get(b->io, buf, (size_t)run.len,
				       run.file_off);
			all_are(buf, (size_t)run.len, byte);
			free(buf);
		}
		off += run.len;
		len -= run.len;
	}
}

int vhd1_guest_flush(struct vhd1_bench *b, struct vhd_error *err)
{
	return vhd_writer_commit(b->w, VHD_COMMIT_SYNC, err);
}

void vhd1_file_sound(struct vhd_io *io)
{
	struct vhd1_seen seen;
	struct vhd_error err;

	ck_assert_int_eq(vhd1_image_check(io, &seen, &err), 0);
	ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
}

const char *vhd1_trace_next(struct vhd1_bench *b, char text[64])
{
	static const char letter[] = {
		[VHD_TRACE_WRITE] = 'W', [VHD_TRACE_ZERO] = 'Z',
		[VHD_TRACE_PUNCH] = 'P', [VHD_TRACE_SIZE] = 'S',
		[VHD_TRACE_FLUSH] = 'F',
	};
	size_t n = 0;

	while (b->seen < vhd_trace_count(b->trace) && n < 63)
		text[n++] = letter[vhd_trace_op(b->trace, b->seen++)->kind];
	text[n] = '\0';
	return text;
}
