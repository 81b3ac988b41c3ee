/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/stream_skel.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "ops/stream_front.h"

enum {
	MARKS = 16,
	MARK_LEN_MOST = 1 << 20
};

/* @len @bytes at @off, and at @count places @stride apart in all. */
struct mark {
	uint64_t off;
	uint64_t stride;
	uint64_t count;
	size_t len;
	uint8_t *bytes;		/* owned */
};

struct vhd_skel {
	const struct vhd_plan *plan;
	struct vhd_build build;
	struct vhd_io *io;	/* what the builder sees: the functions below */
	struct vhd_io *front;
	uint64_t front_end;	/* what is written behind it is a mark */
	uint64_t size;		/* of the image so far */
	void *bld;
	bool placing;		/* the first place: front_end is found */
	bool sealed;
	struct mark mark[MARKS];
	size_t mark_count;
	size_t at_mark;		/* where read() is */
	uint64_t at_count;
};

static int errno_of(const struct vhd_error *e)
{
	return e->os_errno ? -e->os_errno : -EIO;
}

/* Nobody reads what lies behind the front, but pages may reach into it. */
static int64_t skel_pread(void *h, void *buf, size_t len, uint64_t off)
{
	const struct vhd_skel *s = h;
	struct vhd_error e = { .code = VHD_OK };
	size_t n = 0;

	if (off >= s->size)
		return 0;
	len = (size_t)min_u64(len, s->size - off);
	if (off < s->front_end)
		n = (size_t)min_u64(len, s->front_end - off);
	if (n && vhd_io_read_padded(s->front, buf, n, off, &e))
		return errno_of(&e);
	memset((uint8_t *)buf + n, 0, len - n);
	return (int64_t)len;
}

/* One more of what was written last? */
static bool mark_goes_on(const struct mark *m, const void *buf, size_t len,
			 uint64_t off)
{
	if (len != m->len || off < m->off + m->len || memcmp(buf, m->bytes, len))
		return false;
	return m->count == 1 || off == m->off + m->count * m->stride;
}

static uint64_t mark_end(const struct mark *m)
{
	return m->off + (m->count - 1) * m->stride + m->len;
}

static int mark_new(struct vhd_skel *s, const void *buf, size_t len,
		    uint64_t off)
{
	struct mark *m = &s->mark[s->mark_count];

	if (s->mark_count == MARKS || len > MARK_LEN_MOST)
		return -EFBIG;
	if (s->mark_count && off < mark_end(m - 1))
		return -EINVAL;
	m->bytes = vhd_alloc(len);
	if (!m->bytes)
		return -ENOMEM;
	memcpy(m->bytes, buf, len);
	m->off = off;
	m->len = len;
	m->count = 1;
	s->mark_count++;
	return 0;
}

static int mark_add(struct vhd_skel *s, const void *buf, size_t len,
		    uint64_t off)
{
	struct mark *m = s->mark_count ? &s->mark[s->mark_count - 1] : NULL;

	if (!m || !mark_goes_on(m, buf, len, off))
		return mark_new(s, buf, len, off);
	m->stride = off - (m->off + (m->count - 1) * m->stride);
	m->count++;
	return 0;
}

static int64_t skel_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct vhd_skel *s = h;
	struct vhd_error e = { .code = VHD_OK };
	int rc;

	if (s->sealed)
		return (int64_t)len;
	if (s->placing && off >= s->size)
		s->front_end = min_u64(s->front_end, off);
	if (off < s->front_end) {
		if (vhd_io_write(s->front, buf, len, off, &e))
			return errno_of(&e);
	} else {
		rc = mark_add(s, buf, len, off);
		if (rc)
			return rc;
	}
	s->size = max_u64(s->size, off + len);
	return (int64_t)len;
}

static int skel_flush(void *h)
{
	(void)h;
	return 0;
}

static int64_t skel_get_size(void *h)
{
	const struct vhd_skel *s = h;

	return (int64_t)s->size;
}

static int skel_set_size(void *h, uint64_t size)
{
	struct vhd_skel *s = h;

	if (s->sealed)
		return 0;
	/* What is cut off would have to be forgotten. */
	if (size < s->size)
		return -EINVAL;
	s->size = size;
	return 0;
}

static const struct vhd_io_ops skel_ops = {
	.size = sizeof(skel_ops),
	.pread = skel_pread,
	.pwrite = skel_pwrite,
	.flush = skel_flush,
	.get_size = skel_get_size,
	.set_size = skel_set_size,
};

/* Room for the tables at most: an entry of 8 bytes for each block, bitmaps'
 * entries among them. */
static uint64_t front_room(const struct vhd_plan *plan)
{
	const struct vhd_build *b = &plan->build;

	if (!b->block_size || plan->format == VHD_FORMAT_RAW ||
	    (plan->format == VHD_FORMAT_VHD && b->type == VHD_TYPE_FIXED))
		return 0;
	return div_ceil(b->virtual_size, b->block_size) * 8;
}

int vhd_skel_new(const struct vhd_plan *plan, const char *temp_dir,
		 struct vhd_skel **skel_out, struct vhd_error *err)
{
	struct vhd_skel *s = vhd_alloc(sizeof(*s));
	int rc;

	if (!s)
		return vhd_fail_nomem(err);
	s->plan = plan;
	s->front_end = UINT64_MAX;
	s->build = plan->build;
	s->build.flags &= ~(uint32_t)VHD_CREATE_PREALLOCATE;
	rc = vhd_front_new(front_room(plan), temp_dir, &s->front, err);
	if (!rc)
		rc = vhd_io_new(&skel_ops, s, "stream", &s->io, err);
	if (!rc)
		rc = plan->engine->build(s->io, &s->build, &s->bld, err);
	if (rc)
		goto out;
	*skel_out = s;
	s = NULL;
out:
	vhd_skel_free(s);
	return rc;
}

void vhd_skel_free(struct vhd_skel *s)
{
	size_t i;

	if (!s)
		return;
	if (s->bld)
		s->plan->engine->discard(s->bld);
	vhd_io_close(&s->io, NULL);
	vhd_io_close(&s->front, NULL);
	for (i = 0; i < s->mark_count; i++)
		vhd_free(s->mark[i].bytes);
	vhd_free(s);
}

/*
 * The first block, with what belongs to it, lies behind everything that was
 * there before: that is where the front ends.
 */
int vhd_skel_place(struct vhd_skel *s, uint64_t off, uint64_t *file_off_out,
		   uint64_t *len_out, struct vhd_error *err)
{
	int rc;

	s->placing = s->front_end == UINT64_MAX;
	rc = s->plan->engine->place(s->bld, off, file_off_out, len_out, err);
	if (!rc && s->placing)
		s->front_end = min_u64(s->front_end, *file_off_out);
	s->placing = false;
	return rc;
}

int vhd_skel_seal(struct vhd_skel *s, uint64_t *total_out,
		  struct vhd_error *err)
{
	int rc = s->plan->engine->finish(s->bld, err);

	if (rc)
		return rc;
	s->sealed = true;
	*total_out = s->size;
	return 0;
}

int vhd_skel_find(struct vhd_skel *s, uint64_t off, uint64_t *file_off_out,
		  uint64_t *len_out, struct vhd_error *err)
{
	int rc = s->plan->engine->place(s->bld, off, file_off_out, len_out,
					err);

	if (!rc)
		*file_off_out = min_u64(*file_off_out, s->size);
	return rc;
}

/* In the front, which is a sparse file. */
static int front_read(struct vhd_skel *s, uint64_t off, uint64_t end, void *buf,
		      uint64_t *len_out, bool *zero_out, struct vhd_error *err)
{
	uint64_t start, stop;
	int rc = vhd_io_next_data(s->front, off, end, &start, &stop, err);

	if (rc)
		return rc;
	*zero_out = start > off;
	if (*zero_out) {
		*len_out = start - off;
		return 0;
	}
	*len_out = min_u64(stop - off, VHD_SKEL_PIECE);
	return vhd_io_read_padded(s->front, buf, (size_t)*len_out, off, err);
}

/* The next mark that ends behind @off, or NULL; *@at_out: where it is. */
static const struct mark *mark_next(struct vhd_skel *s, uint64_t off,
				    uint64_t *at_out)
{
	while (s->at_mark < s->mark_count) {
		const struct mark *m = &s->mark[s->at_mark];
		uint64_t at = m->off + s->at_count * m->stride;

		if (off < at + m->len) {
			*at_out = at;
			return m;
		}
		/* All at once where a long way was gone. */
		if (m->stride)
			s->at_count += max_u64((off - at) / m->stride, 1);
		if (!m->stride || s->at_count >= m->count) {
			s->at_mark++;
			s->at_count = 0;
		}
	}
	return NULL;
}

static void marks_read(struct vhd_skel *s, uint64_t off, uint64_t end,
		       void *buf, uint64_t *len_out, bool *zero_out)
{
	uint64_t at = 0;
	const struct mark *m = mark_next(s, off, &at);

	*zero_out = !m || at > off;
	if (*zero_out) {
		*len_out = (m ? min_u64(at, end) : end) - off;
		return;
	}
	*len_out = min_u64(min_u64(at + m->len, end) - off, VHD_SKEL_PIECE);
	memcpy(buf, m->bytes + (off - at), (size_t)*len_out);
}

int vhd_skel_read(struct vhd_skel *s, uint64_t off, uint64_t end, void *buf,
		  uint64_t *len_out, bool *zero_out, struct vhd_error *err)
{
	if (off < s->front_end)
		return front_read(s, off, min_u64(end, s->front_end), buf,
				  len_out, zero_out, err);
	marks_read(s, off, end, buf, len_out, zero_out);
	return 0;
}
