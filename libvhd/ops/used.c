/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last byte of a disk that is not zero.
 *
 * Extents are found going forward and are wanted going backward, so the disk is
 * looked at in windows, from its end.  Of the data in a window only the last
 * runs are remembered; what lies before them belongs to the next window.  A
 * window without data makes the next one wider, so that an empty disk takes few
 * looks; one with more runs than are remembered makes it narrower, so that
 * looking again costs no more than reading.  Holes of the files are no data: a
 * fixed disk is one extent, and in a sparse file mostly hole.
 */
#include "ops/used.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"

enum { RUNS = 256, EXTENTS = 64, PIECE = 256 << 10 };

#define WINDOW_FIRST	(256 * MiB)
#define WINDOW_LEAST	(1 * MiB)
#define WINDOW_MOST	(4 * TiB)

struct piece {
	uint64_t off, len;
};

/**
 * struct walk - the search
 *
 * @from:  where it ends
 * @to:    where it begins
 * @stop:  all bytes from here on are known to be zeros
 * @width: of the next window
 * @runs:  a ring of the last runs of data in the window, @count in all
 */
struct walk {
	struct vhd_image *img;
	uint64_t from, to, stop, width;
	vhd_progress_fn progress;
	void *progress_arg;
	uint64_t count;
	struct piece runs[RUNS];
	uint8_t buf[PIECE];
};

static int tell(const struct walk *w, uint64_t at, struct vhd_error *err)
{
	if (!w->progress ||
	    w->progress(w->progress_arg, w->to - at, w->to - w->from))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

static void note(struct walk *w, uint64_t off, uint64_t len)
{
	struct piece *last = &w->runs[(w->count + RUNS - 1) % RUNS];

	if (w->count && last->off + last->len == off)
		last->len += len;
	else
		w->runs[w->count++ % RUNS] = (struct piece){ off, len };
}

/* What of an extent its file stores. */
static int note_stored(struct walk *w, const struct vhd_extent *ext,
		       struct vhd_error *err)
{
	struct vhd_io *io = w->img->layers[ext->layer].io;
	uint64_t pos = ext->file_off, end = ext->file_off + ext->len;

	while (pos < end) {
		uint64_t start, stop;
		int rc = vhd_io_next_data(io, pos, end, &start, &stop, err);

		if (rc)
			return vhd_err_file(err, rc, vhd_io_name(io));
		if (start < stop)
			note(w, ext->off + (start - ext->file_off),
			     stop - start);
		pos = max_u64(stop, pos + 1);
	}
	return 0;
}

/* Remembers the last runs of data of a range. */
static int look(struct walk *w, uint64_t off, uint64_t end,
		struct vhd_error *err)
{
	struct vhd_extent ext[EXTENTS];
	int rc = 0;

	w->count = 0;
	while (!rc && off < end) {
		size_t n = 0;

		rc = vhd_resolve(w->img, off, end - off, ext, EXTENTS, &n,
				 err);
		for (size_t i = 0; !rc && i < n; i++) {
			if (ext[i].kind == VHD_EXTENT_DATA)
				rc = note_stored(w, &ext[i], err);
			off += ext[i].len;
		}
	}
	return rc;
}

/* The end of the last byte of @p that is not zero; 0 when there is none. */
static uint64_t last_used(const uint8_t *p, size_t len)
{
	while (len && !p[len - 1])
		len--;
	return len;
}

/* Reads a run from its end; *end_out stays as it is when it is all zeros. */
static int read_run(struct walk *w, const struct piece *run, bool *found_out,
		    uint64_t *end_out, struct vhd_error *err)
{
	uint64_t left = run->len;

	while (left) {
		size_t n = (size_t)min_u64(left, PIECE);
		uint64_t used;
		int rc;

		left -= n;
		rc = vhd_pread(w->img, w->buf, n, run->off + left, err);
		if (rc)
			return rc;
		used = last_used(w->buf, n);
		if (used) {
			*found_out = true;
			*end_out = run->off + left + used;
			return 0;
		}
		rc = tell(w, run->off + left, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* One window; w->stop moves down to what has been looked at. */
static int step(struct walk *w, bool *found_out, uint64_t *end_out,
		struct vhd_error *err)
{
	uint64_t len = min_u64(w->width, w->stop - w->from);
	uint64_t start = w->stop - len, kept, i;
	int rc = look(w, start, w->stop, err);

	if (rc)
		return rc;
	kept = min_u64(w->count, RUNS);
	for (i = 0; !rc && !*found_out && i < kept; i++)
		rc = read_run(w, &w->runs[(w->count - 1 - i) % RUNS],
			      found_out, end_out, err);
	if (rc)
		return rc;
	if (w->count > RUNS) {
		w->stop = w->runs[w->count % RUNS].off;
		w->width = max_u64(len / 4, WINDOW_LEAST);
	} else {
		w->stop = start;
		if (!w->count)
			w->width = min_u64(w->width * 4, WINDOW_MOST);
	}
	return *found_out ? 0 : tell(w, w->stop, err);
}

int vhd_used_end(struct vhd_image *img, uint64_t from, uint64_t to,
		 vhd_progress_fn progress, void *progress_arg,
		 uint64_t *end_out, struct vhd_error *err)
{
	struct walk *w = vhd_alloc(sizeof(*w));
	bool found = false;
	uint64_t end = from;
	int rc = 0;

	if (!w)
		return vhd_fail_nomem(err);
	w->img = img;
	w->from = from;
	w->to = to;
	w->stop = to;
	w->width = WINDOW_FIRST;
	w->progress = progress;
	w->progress_arg = progress_arg;
	while (!rc && !found && w->stop > from)
		rc = step(w, &found, &end, err);
	vhd_free(w);
	if (!rc)
		*end_out = end;
	return rc;
}
