/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"

static void note(struct tap *t, enum event_kind kind, struct crash_op op)
{
	struct history *h = t->h;

	if (!h)
		return;
	if (op.data) {
		uint8_t *copy = crash_alloc((size_t)op.len, 1);

		memcpy(copy, op.data, (size_t)op.len);
		op.data = copy;
	}
	h->event = crash_grow(h->event, h->count + 1, sizeof(*h->event));
	h->event[h->count++] = (struct event){ kind, t->file, op };
}

void history_free(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		free((void *)(uintptr_t)h->event[i].op.data);
	free(h->event);
	*h = (struct history){ 0 };
}

static int64_t tap_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct tap *t = h;
	uint64_t size = crash_file_size(t->f);

	if (off >= size)
		return 0;
	len = (size_t)min_u64(len, size - off);
	crash_file_read(t->f, buf, len, off);
	return (int64_t)len;
}

/* A call that changes something; true: this one fails. */
static bool fails(const struct tap *t)
{
	return t->left && !(*t->left)--;
}

static int64_t tap_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct tap *t = h;

	if (fails(t))
		return -ENOSPC;
	note(t, EVENT_OP, (struct crash_op){ VHD_TRACE_WRITE, off, len, buf,
					     false });
	crash_file_write(t->f, buf, len, off);
	return (int64_t)len;
}

static int tap_flush(void *h)
{
	if (fails(h))
		return -EIO;
	note(h, EVENT_OP, (struct crash_op){ .kind = VHD_TRACE_FLUSH });
	return 0;
}

static int64_t tap_size(void *h)
{
	const struct tap *t = h;

	return (int64_t)crash_file_size(t->f);
}

static int tap_set_size(void *h, uint64_t size)
{
	struct tap *t = h;

	if (fails(t))
		return -EIO;
	note(t, EVENT_OP, (struct crash_op){ .kind = VHD_TRACE_SIZE,
					     .off = size });
	crash_file_set_size(t->f, size);
	return 0;
}

static int tap_close(void *h)
{
	(void)h;
	return 0;
}

const struct vhd_io_ops tap_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = tap_pread,
	.pwrite = tap_pwrite,
	.flush = tap_flush,
	.get_size = tap_size,
	.set_size = tap_set_size,
	.close = tap_close,
};

struct vhd_io *tap_io(struct tap *t)
{
	struct vhd_io *io;

	CRASH_NEED(!vhd_io_new(&tap_ops, t, t->file == IMAGE ? "image" :
			       "journal", &io, NULL));
	return io;
}

int tap_revert(struct crash_file *const f[FILES], struct history *h,
	       struct vhd_error *err)
{
	struct tap tap[FILES] = { { f[0], h, IMAGE, NULL },
				  { f[1], h, JOURNAL, NULL } };
	struct vhd_io *image = tap_io(&tap[IMAGE]);
	struct vhd_io *journal = tap_io(&tap[JOURNAL]);
	int rc = vhd_xen_revert_io(image, journal, err);

	vhd_io_close(&image, NULL);
	vhd_io_close(&journal, NULL);
	return rc;
}

static int place_open(void *arg, struct vhd_io **io_out, bool *device_out,
		      struct vhd_error *err)
{
	struct tap_place *p = arg;

	(void)err;
	p->io = tap_io(p->tap);
	*io_out = p->io;
	*device_out = p->device;
	return 0;
}

/* As vhd_outfile_commit(): durable, then named, durably. */
static int place_keep(void *arg, struct vhd_io **io, struct vhd_error *err)
{
	struct tap_place *p = arg;

	(void)io;
	(void)err;
	p->kept = true;
	if (p->device)
		return 0;
	tap_flush(p->tap);
	note(p->tap, EVENT_NAMED, (struct crash_op){ 0 });
	return 0;
}

static int place_drop(void *arg, struct vhd_error *err)
{
	struct tap_place *p = arg;

	(void)err;
	p->dropped = true;
	if (!p->device)
		note(p->tap, EVENT_DROPPED, (struct crash_op){ 0 });
	return 0;
}

const struct xen_journal_place tap_place_ops = {
	.open = place_open,
	.keep = place_keep,
	.drop = place_drop,
};

bool same_bytes(struct crash_file *f, struct crash_base *b)
{
	uint64_t size = crash_file_size(f), off;
	static uint8_t x[64 << 10], y[64 << 10];
	struct crash_file *g;
	bool ok = size == crash_base_size(b);

	if (!ok)
		return false;
	g = crash_file_new();
	crash_file_reset(g, b);
	for (off = 0; ok && off < size; off += sizeof(x)) {
		uint64_t n = min_u64(size - off, sizeof(x));

		crash_file_read(f, x, n, off);
		crash_file_read(g, y, n, off);
		ok = !memcmp(x, y, (size_t)n);
	}
	crash_file_free(g);
	return ok;
}
