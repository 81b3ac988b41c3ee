/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/forward_store.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "io/io_mem.h"
#include "io/nameless.h"

enum {
	GRAIN_MEMORY = 64 << 10,	/* that is how memory is handed out */
	GRAIN_FILE = 4096,
	COPY_LEN = 256 << 10
};

int vhd_forward_store_open(struct forward_store *s, const char *dir,
			   const char *name, struct vhd_error *err)
{
	void *h = vhd_mem_new(NULL, 0);

	*s = (struct forward_store){ .dir = dir, .name = name };
	return h ? vhd_io_new(&vhd_mem_ops, h, name, &s->io, err)
		 : vhd_fail_nomem(err);
}

void vhd_forward_store_close(struct forward_store *s)
{
	vhd_io_close(&s->io, NULL);
}

/* [off, off + len) of @from to the same place of @to. */
static int copy_range(struct vhd_io *to, struct vhd_io *from, void *buf,
		      uint64_t off, uint64_t len, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		size_t n = (size_t)min_u64(len, COPY_LEN);

		rc = vhd_io_read(from, buf, n, off, err);
		if (!rc)
			rc = vhd_io_write(to, buf, n, off, err);
		off += n;
		len -= n;
	}
	return rc;
}

static int move_all(struct vhd_io *to, struct vhd_io *from,
		    struct vhd_error *err)
{
	void *buf = vhd_alloc(COPY_LEN);
	uint64_t size, off = 0, start, stop;
	int rc = buf ? vhd_io_size(from, &size, err) : vhd_fail_nomem(err);

	while (!rc && off < size) {
		rc = vhd_io_next_data(from, off, size, &start, &stop, err);
		if (!rc)
			rc = copy_range(to, from, buf, start, stop - start,
					err);
		off = rc ? off : stop;
	}
	vhd_free(buf);
	return rc;
}

static int to_file(struct forward_store *s, struct vhd_error *err)
{
	struct vhd_io *file = NULL;
	int rc;

	if (!s->dir)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"it cannot be read in one pass, and it may not "
				"be stored");
	rc = vhd_io_new_nameless(s->dir, s->name, &file, err);
	if (!rc)
		rc = move_all(file, s->io, err);
	if (rc) {
		vhd_io_close(&file, NULL);
		return rc;
	}
	vhd_io_close(&s->io, NULL);
	s->io = file;
	s->in_file = true;
	return 0;
}

/* Length of the grain that starts at @off. */
static size_t grain_at(const struct forward_store *s, uint64_t off, size_t left)
{
	size_t grain = s->in_file ? GRAIN_FILE : GRAIN_MEMORY;

	return (size_t)min_u64(grain - off % grain, left);
}

/* Writes the run of grains at @p that are no zeros; *run_out: how long it is. */
static int put_run(struct forward_store *s, const uint8_t *p, size_t len,
		   size_t *run_out, struct vhd_error *err)
{
	size_t run = grain_at(s, s->len, len);
	bool zero = vhd_is_zero(p, run);

	while (run < len) {
		size_t n = grain_at(s, s->len + run, len - run);

		if (vhd_is_zero(p + run, n) != zero)
			break;
		run += n;
	}
	*run_out = run;
	if (zero)
		return 0;
	s->stored += run;
	return vhd_io_write(s->io, p, run, s->len, err);
}

int vhd_forward_store_append(struct forward_store *s, const void *buf,
			     size_t len, struct vhd_error *err)
{
	const uint8_t *p = buf;

	if (!s->in_file && s->stored > FORWARD_STORE_MEMORY) {
		int rc = to_file(s, err);

		if (rc)
			return rc;
	}
	while (len) {
		size_t run;
		int rc = put_run(s, p, len, &run, err);

		if (rc)
			return rc;
		s->len += run;
		p += run;
		len -= run;
	}
	return 0;
}

int vhd_forward_store_take(struct forward_store *s, struct vhd_io **io_out,
			   struct vhd_error *err)
{
	int rc = vhd_io_set_size(s->io, s->len, err);

	if (rc)
		return rc;
	*io_out = s->io;
	s->io = NULL;
	return 0;
}
