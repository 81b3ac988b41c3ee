/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_guest.h"

#include <string.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "fuzz/fuzz.h"
#include "image/image_priv.h"

enum { BATCH = 16, RESOLVES = 24 };

/* Nothing is reported. */
static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	(void)arg;
	(void)layer;
	(void)file;
	(void)rule;
	(void)off;
	(void)msg;
}

static int open_alone(struct vhd_io *io, struct vhd_image **img_out)
{
	const struct vhd_reporter reporter = { .fn = on_report };
	struct vhd_open_opts opts;
	struct vhd_error err;
	int rc;

	*img_out = NULL;
	fuzz_no_error(vhd_open_opts_get(NULL, &opts, &err), &err);
	opts.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK;
	opts.cache_bytes = 64 << 10;
	fuzz_error_arm(&err);
	rc = vhd_image_open(io, &opts, &reporter, 0, img_out, &err);
	fuzz_error_ok(rc, &err);
	return rc;
}

/* A failure to read is remembered; *sum_out is only set without one. */
static int sum_of(struct vhd_image *img, uint64_t off, uint32_t len,
		  uint32_t *sum_out)
{
	uint8_t buf[GUEST_SAMPLE_LEN];
	struct vhd_error err;
	int rc;

	fuzz_error_arm(&err);
	rc = vhd_pread(img, buf, len, off, &err);
	fuzz_error_ok(rc, &err);
	if (!rc)
		*sum_out = vhd_crc32c(0, buf, len);
	return rc;
}

static void note_failure(struct guest *g, int rc)
{
	g->unreadable = g->unreadable || rc == VHD_E_CORRUPT;
	g->unsupported = g->unsupported || rc == VHD_E_UNSUPPORTED;
}

static void take_at(struct guest *g, struct vhd_image *img, uint64_t off,
		    uint64_t end)
{
	struct guest_sample *s = &g->sample[g->count];
	int rc;

	if (g->count == GUEST_SAMPLES || off >= end)
		return;
	s->off = off;
	s->len = (uint32_t)min_u64(GUEST_SAMPLE_LEN, end - off);
	rc = sum_of(img, s->off, s->len, &s->sum);
	note_failure(g, rc);
	if (!rc)
		g->count++;
}

/* Both ends of an extent, and a sector somewhere between. */
static void take_extent(struct guest *g, struct vhd_image *img,
			const struct vhd_extent *e, uint64_t random)
{
	uint64_t end = e->off + e->len;

	take_at(g, img, e->off, end);
	if (e->len <= GUEST_SAMPLE_LEN)
		return;
	take_at(g, img, end - GUEST_SAMPLE_LEN, end);
	take_at(g, img, e->off + align_down(random % e->len, 512), end);
}

static void walk(struct guest *g, struct vhd_image *img, uint64_t off,
		 int calls, uint64_t salt)
{
	struct vhd_extent ext[BATCH];
	size_t n, i;
	int rc;

	while (off < g->size && calls--) {
		rc = vhd_resolve(img, off, g->size - off, ext, BATCH, &n,
				 NULL);
		if (rc) {
			note_failure(g, rc);
			/* Behind the damage there may be more. */
			off += min_u64(g->size - off, UINT64_C(1) << 20);
			continue;
		}
		for (i = 0; i < n; i++) {
			salt = salt * UINT64_C(6364136223846793005) + 1;
			take_extent(g, img, &ext[i], salt >> 20);
			off = ext[i].off + ext[i].len;
		}
	}
}

void guest_take(struct vhd_io *io, uint64_t salt, struct guest *g)
{
	struct vhd_image *img;

	g->size = 0;
	g->count = 0;
	g->unreadable = false;
	g->unsupported = false;
	fuzz_memory_reset();
	g->open_rc = open_alone(io, &img);
	if (!img)
		return;
	g->size = vhd_size(img);
	walk(g, img, 0, RESOLVES, salt);
	if (g->size)
		walk(g, img, align_down(salt % g->size, 512), 2, salt);
	vhd_close(&img, NULL);
}

static const char *compare(struct vhd_image *img, const struct guest *g,
			   uint64_t *off_out)
{
	uint64_t size = vhd_size(img);
	unsigned i;

	for (i = 0; i < g->count; i++) {
		const struct guest_sample *s = &g->sample[i];
		uint32_t sum = 0;

		*off_out = s->off;
		if (!range_in(s->off, s->len, size))
			return "the disk ends before it";
		if (sum_of(img, s->off, s->len, &sum))
			return "it cannot be read any more";
		if (sum != s->sum)
			return "it reads differently";
	}
	return NULL;
}

const char *guest_compare(struct vhd_io *io, const struct guest *g,
			  uint64_t *off_out)
{
	struct vhd_image *img;
	const char *what;

	*off_out = 0;
	fuzz_memory_reset();
	if (g->open_rc) {
		vhd_io_close(&io, NULL);
		return NULL;
	}
	open_alone(io, &img);
	if (!img)
		return GUEST_SHUT;
	what = compare(img, g, off_out);
	vhd_close(&img, NULL);
	return what;
}
