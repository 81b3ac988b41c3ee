/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one read path: a guest range becomes extents by asking the layers from
 * the top down until one has an answer (VHD-D-8, VHDX-RD), and extents become
 * bytes.  A layer that is smaller than the one above it has no say past its
 * end, where the disk reads as zeros (VHD-D-6, VHDX-RD-03).
 */
#include "image/rw.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/shortcut.h"
#include "image/walk.h"
#include "write/writer.h"

/* Looks at one range at most so often, so that a call stays short. */
#define MAX_LOOKS 4096u

/*
 * How far a look into a chain may go at first.  A layer that has nothing to say
 * looks ahead in its table, and does so in vain when the caller has room for no
 * more extents before that: without a limit, work would grow with the square of
 * the disk.  The limit grows with what was found, so that a long run stays a few
 * looks.
 */
#define FIRST_REACH (4 * MiB)

void vhd_extent_set(struct vhd_extent *ext, uint64_t off, uint64_t len,
		    uint32_t layer, const struct vhd_run *run)
{
	ext->off = off;
	ext->len = len;
	ext->layer = layer;
	ext->flags = run->flags;
	if (run->kind == VHD_RUN_DATA) {
		ext->kind = VHD_EXTENT_DATA;
		ext->file_off = run->file_off;
	} else {
		ext->kind = VHD_EXTENT_ZERO;
		ext->file_off = VHD_NO_OFFSET;
	}
}

int vhd_image_bottom(const struct vhd_image *img, uint32_t i, uint64_t off,
		     uint64_t len, struct vhd_extent *ext_out,
		     struct vhd_error *err)
{
	const struct vhd_run nothing = { len, VHD_NO_OFFSET, VHD_RUN_ZERO,
					 VHD_EXTENT_UNMAPPED };

	if (i == img->count && img->torn) {
		ext_out->len = len;
		return vhd_err_file(
			err,
			vhd_fail(err, VHD_E_PARENT,
				 "guest offset 0x%" PRIx64 " is stored in the "
				 "parent, which is not open", off),
			vhd_io_name(img->layers[img->count - 1].io));
	}
	vhd_extent_set(ext_out, off, len, i ? i - 1 : 0, &nothing);
	return 0;
}

/*
 * The answer of the layers from @first on.  Where that is an error whose extent
 * is known, ext_out->len is set as well.
 */
static int map_from(struct vhd_image *img, uint32_t first, bool moving,
		    uint64_t off, uint64_t len, struct vhd_extent *ext_out,
		    struct vhd_error *err)
{
	struct vhd_shortcut s = { .place = VHD_NO_OFFSET };
	uint32_t i;

	ext_out->len = 0;
	for (i = first;; i++) {
		struct vhd_layer *layer;
		struct vhd_run run;
		int rc;

		/* Layers that are known to have nothing here are not asked. */
		if (i == vhd_shortcut_first(img)) {
			s = vhd_shortcut(img, moving, off, len);
			i = s.layer;
			len = s.len;
		}
		if (s.place != VHD_NO_OFFSET) {
			run = (struct vhd_run){ len, s.place, VHD_RUN_DATA,
						VHD_EXTENT_ALLOCATED };
			vhd_extent_set(ext_out, off, len, i, &run);
			return 0;
		}
		if (i >= img->count || off >= img->layers[i].size)
			break;
		layer = &img->layers[i];
		len = min_u64(len, layer->size - off);
		rc = vhd_layer_run(layer, moving, off, len, &run, err);
		if (rc)
			return rc;
		len = run.len;
		if (run.kind != VHD_RUN_PARENT) {
			if (s.learn)
				vhd_shortcut_learn(img, i, off, &run);
			vhd_extent_set(ext_out, off, len, i, &run);
			return 0;
		}
	}
	return vhd_image_bottom(img, i, off, len, ext_out, err);
}

int vhd_image_map_below(struct vhd_image *img, uint64_t off, uint64_t len,
			struct vhd_extent *ext_out, struct vhd_error *err)
{
	return map_from(img, 1, false, off, len, ext_out, err);
}

int vhd_image_look(struct vhd_image *img, uint64_t off, uint64_t len,
		   struct vhd_extent *ext_out, struct vhd_error *err)
{
	return map_from(img, 0, false, off, len, ext_out, err);
}

/* True when @b goes on where @a ends, as far as a reader can tell. */
static bool mergeable(const struct vhd_extent *a, const struct vhd_extent *b)
{
	if (a->kind != b->kind || a->layer != b->layer || a->flags != b->flags)
		return false;
	return a->kind == VHD_EXTENT_ZERO || a->file_off + a->len == b->file_off;
}

int vhd_image_range(const struct vhd_image *img, uint64_t off, uint64_t len,
		    struct vhd_error *err)
{
	if (range_in(off, len, img->size))
		return 0;
	return vhd_fail(err, VHD_E_RANGE,
			"%" PRIu64 " bytes at 0x%" PRIx64 " do not lie inside "
			"the disk of %" PRIu64 " bytes", len, off, img->size);
}

/* The extent at @off; @w is for chains, and NULL where nobody walks far. */
static int look(struct vhd_image *img, struct vhd_walk *w, bool moving,
		uint64_t off, uint64_t limit, struct vhd_extent *ext_out,
		struct vhd_error *err)
{
	if (w)
		return vhd_walk_look(w, off, limit, ext_out, err);
	return map_from(img, 0, moving, off, limit - off, ext_out, err);
}

/* [off, end) lies inside the disk; nothing is found when it fails at once. */
static int resolve(struct vhd_image *img, struct vhd_walk *w, bool moving,
		   uint64_t off, uint64_t end, struct vhd_extent *ext,
		   size_t max, size_t *n_out, struct vhd_error *err)
{
	uint64_t reach = w ? FIRST_REACH : UINT64_MAX;
	uint64_t limit = off;
	unsigned int looks;
	size_t n = 0;

	for (looks = 0; off < end && looks < MAX_LOOKS; looks++) {
		struct vhd_extent e;
		int rc;

		if (off == limit) {
			limit += min_u64(end - off, reach);
			reach = max_u64(reach, 2 * reach);
		}
		/* Behind an answer a failure is left for the next call. */
		rc = look(img, w, moving, off, limit, &e, n ? NULL : err);
		if (rc && !n)
			return rc;
		if (rc)
			break;
		if (n && mergeable(&ext[n - 1], &e))
			ext[n - 1].len += e.len;
		else if (n == max)
			break;
		else
			ext[n++] = e;
		off += e.len;
	}
	*n_out = n;
	return 0;
}

int vhd_image_resolve(struct vhd_image *img, bool moving, uint64_t off,
		      uint64_t len, struct vhd_extent *ext, size_t max,
		      size_t *n_out, struct vhd_error *err)
{
	int rc = vhd_image_range(img, off, len, err);
	struct vhd_walk w;
	bool far;

	if (rc)
		return rc;
	if (!len || !max)
		return vhd_fail(err, VHD_E_INVAL, "nothing to resolve");
	/* Without memory for it the way is longer, and the same. */
	far = img->count > 1 && len > VHD_SHORTCUT_MAX &&
	      vhd_walk_begin(&w, img, moving);
	rc = resolve(img, far ? &w : NULL, moving, off, off + len, ext, max,
		     n_out, err);
	if (far)
		vhd_walk_end(&w);
	return rc;
}

int vhd_resolve(struct vhd_image *img, uint64_t off, uint64_t len,
		struct vhd_extent *ext, size_t max, size_t *n_out,
		struct vhd_error *err)
{
	return vhd_image_resolve(img, false, off, len, ext, max, n_out, err);
}

static int read_from(struct vhd_image *img, uint32_t first, void *buf,
		     size_t len, uint64_t off, struct vhd_error *err)
{
	uint8_t *p = buf;
	int rc = 0;

	while (!rc && len) {
		struct vhd_extent e;
		size_t n;

		rc = map_from(img, first, true, off,
			      img->count > 1 ? min_u64(len, VHD_SHORTCUT_MAX)
					     : len, &e, err);
		if (rc)
			break;
		n = (size_t)e.len;
		if (e.kind == VHD_EXTENT_DATA)
			rc = vhd_io_read_padded(img->layers[e.layer].io, p, n,
						e.file_off, err);
		else
			memset(p, 0, n);
		p += n;
		off += n;
		len -= n;
	}
	return rc;
}

int vhd_image_read_below(struct vhd_image *img, void *buf, size_t len,
			 uint64_t off, struct vhd_error *err)
{
	return read_from(img, 1, buf, len, off, err);
}

int vhd_pread(struct vhd_image *img, void *buf, size_t len, uint64_t off,
	      struct vhd_error *err)
{
	struct vhd_grace_token token = { 0 };
	int rc = vhd_image_range(img, off, len, err);

	if (rc)
		return rc;
	/* What was looked up is not given to others while it is read. */
	if (img->writer)
		token = vhd_writer_enter(img->writer);
	rc = read_from(img, 0, buf, len, off, err);
	if (img->writer)
		vhd_writer_leave(img->writer, token);
	return rc;
}

int vhd_preadv(struct vhd_image *img, const struct vhd_iov *iov, int cnt,
	       uint64_t off, struct vhd_error *err)
{
	uint64_t total = 0;
	int i, rc;

	for (i = 0; i < cnt; i++) {
		if (ckd_add(&total, total, (uint64_t)iov[i].len))
			return vhd_fail(err, VHD_E_RANGE,
					"the pieces are too long");
	}
	rc = vhd_image_range(img, off, total, err);
	for (i = 0; !rc && i < cnt; i++) {
		rc = vhd_pread(img, iov[i].base, iov[i].len, off, err);
		off += iov[i].len;
	}
	return rc;
}
