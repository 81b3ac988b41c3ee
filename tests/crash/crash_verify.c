/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Most of a disk need not be read: an extent that is known to be zeros, a page
 * of the file that was never written, and what a parent shows are what they
 * are.  Now and then everything is read all the same, as a guest would.
 */
#include "crash/crash_verify.h"

#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"
#include "image/image_priv.h"

enum { CHUNK = 64 * 1024, EXTENTS = 64 };

struct verify {
	struct crash_file *file;
	const struct crash_want *want;
	uint32_t *found;
	struct crash_failure *fail;
	struct vhd_image *img;
	bool all;			/* read every byte */
};

static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	struct crash_failure *fail = arg;

	(void)file;
	(void)off;
	if (layer == 0 && rule->severity >= VHD_SEV_ERROR)
		crash_fail(fail, "opening finds %s: %s", rule->name, msg);
}

static void on_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	struct crash_failure *fail = arg;

	(void)off;
	if (rule->severity >= VHD_SEV_ERROR)
		crash_fail(fail, "check finds %s: %s", rule->name, msg);
}

static bool open_it(struct verify *v, const struct crash_setup *s,
		    const struct crash_parent *p)
{
	struct vhd_reporter reporter = { on_report, v->fail, NULL };
	struct vhd_open_opts opts, all;
	struct vhd_io *io = NULL;
	const char *parents[2];
	struct vhd_error err;
	int rc;

	crash_disk_opts(s, p, false, &opts, parents);
	CRASH_NEED(!vhd_open_opts_get(&opts, &all, NULL));
	CRASH_NEED(!vhd_io_new(&crash_file_ro_ops, v->file, "image", &io,
			       NULL));
	rc = vhd_image_open(io, &all, &reporter, 0, &v->img, &err);
	if (rc)
		crash_fail(v->fail, "it cannot be opened: %s: %s",
			   vhd_status_name(rc), err.msg);
	return !rc && !crash_failed(v->fail);
}

static bool check_it(struct verify *v)
{
	struct vhd_layer *layer = &v->img->layers[0];
	struct vhd_engine_check req = { .sink = { on_finding, v->fail } };
	struct vhd_error err;
	int rc = 0;

	if (layer->ops->check)
		rc = layer->ops->check(layer->eng, &req, &err);
	if (rc)
		crash_fail(v->fail, "check fails: %s: %s", vhd_status_name(rc),
			   err.msg);
	return !crash_failed(v->fail);
}

static bool wrong(struct verify *v, uint64_t sec, const uint8_t *bytes)
{
	char text[2000];

	crash_model_explain(v->want->model, sec, bytes, v->want->cut, text,
			    sizeof(text));
	crash_fail(v->fail, "sector %" PRIu64 " holds %s", sec, text);
	return false;
}

static bool see_zeros(struct verify *v, uint64_t sec, uint64_t count)
{
	static const uint8_t zeros[CRASH_SEC];
	const struct crash_want *w = v->want;

	for (; count; count--, sec++) {
		if (!crash_model_match_zero(w->model, sec, w->cut,
					    &v->found[sec]))
			return wrong(v, sec, zeros);
	}
	return true;
}

/* False also when it takes a look at the bytes to know. */
static bool see_parent(struct verify *v, uint64_t sec, uint64_t count)
{
	const struct crash_want *w = v->want;

	for (; count; count--, sec++) {
		if (!crash_model_match_parent(w->model, sec, w->cut,
					      &v->found[sec]))
			return false;
	}
	return true;
}

static bool see_bytes(struct verify *v, uint64_t sec, uint64_t count,
		      const uint8_t *bytes)
{
	const struct crash_want *w = v->want;

	for (; count; count--, sec++, bytes += CRASH_SEC) {
		if (!crash_model_match(w->model, sec, bytes, w->cut,
				       &v->found[sec]))
			return wrong(v, sec, bytes);
	}
	return true;
}

/* Bytes ahead in pages that were written, or that were never written. */
static uint64_t alike_ahead(const struct crash_file *f, bool written,
			    uint64_t off, uint64_t len)
{
	uint64_t at = off, end = off + len;

	while (at < end && written == !!crash_file_page(f, at / CRASH_PAGE))
		at = align_down(at, CRASH_PAGE) + CRASH_PAGE;
	return min_u64(at, end) - off;
}

static bool read_some(struct verify *v, uint64_t off, uint64_t len)
{
	uint8_t buf[CHUNK];
	struct vhd_error err;
	int rc;

	while (len) {
		size_t n = (size_t)min_u64(len, sizeof(buf));

		rc = vhd_pread(v->img, buf, n, off, &err);
		if (rc) {
			crash_fail(v->fail, "it cannot be read at 0x%" PRIx64
				   ": %s: %s", off, vhd_status_name(rc),
				   err.msg);
			return false;
		}
		if (vhd_is_zero(buf, n) ?
		    !see_zeros(v, off / CRASH_SEC, n / CRASH_SEC) :
		    !see_bytes(v, off / CRASH_SEC, n / CRASH_SEC, buf))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

static bool see_extent(struct verify *v, const struct vhd_extent *e)
{
	uint64_t off = e->off, at = e->file_off, end = e->off + e->len;

	if (e->kind == VHD_EXTENT_ZERO && !v->all)
		return see_zeros(v, off / CRASH_SEC, e->len / CRASH_SEC);
	if (e->layer && !v->all &&
	    see_parent(v, off / CRASH_SEC, e->len / CRASH_SEC))
		return true;
	if (e->layer || v->all)
		return read_some(v, off, e->len);
	while (off < end) {
		uint64_t n = alike_ahead(v->file, false, at, end - off);

		if (n && !see_zeros(v, off / CRASH_SEC, n / CRASH_SEC))
			return false;
		off += n;
		at += n;
		n = alike_ahead(v->file, true, at, end - off);
		if (n && !read_some(v, off, n))
			return false;
		off += n;
		at += n;
	}
	return true;
}

static bool read_it(struct verify *v)
{
	uint64_t off = 0, size = vhd_size(v->img);
	struct vhd_extent ext[EXTENTS];
	struct vhd_error err;

	while (off < size) {
		size_t n;
		int rc = vhd_resolve(v->img, off, size - off, ext, EXTENTS, &n,
				     &err);

		if (rc) {
			crash_fail(v->fail, "it cannot be resolved at 0x%"
				   PRIx64 ": %s: %s", off, vhd_status_name(rc),
				   err.msg);
			return false;
		}
		for (size_t i = 0; i < n; i++) {
			if (!see_extent(v, &ext[i]))
				return false;
			off += ext[i].len;
		}
	}
	return true;
}

/* Of large disks less often. */
static bool read_all(const struct crash_file *f, const struct vhd_image *img)
{
	uint64_t one_of = 8 + vhd_size(img) / (256 * KiB);

	return crash_file_changes(f) % one_of == 3;
}

bool crash_read(struct vhd_image *img, struct crash_file *f,
		const struct crash_want *want, uint32_t *found,
		struct crash_failure *fail)
{
	struct verify v = { f, want, found, fail, img, read_all(f, img) };

	return read_it(&v);
}

bool crash_verify(struct crash_file *f, const struct crash_setup *s,
		  const struct crash_parent *p, const struct crash_want *want,
		  uint32_t *found, struct crash_failure *fail)
{
	uint64_t changes = crash_file_changes(f);
	struct verify v = { f, want, found, fail, NULL, false };

	if (open_it(&v, s, p) && check_it(&v)) {
		if (vhd_size(v.img) != s->size)
			crash_fail(fail, "the disk has another size");
		else
			crash_read(v.img, f, want, found, fail);
	}
	vhd_close(&v.img, NULL);
	if (crash_file_changes(f) != changes)
		crash_fail(fail, "reading changed the file");
	return !crash_failed(fail);
}
