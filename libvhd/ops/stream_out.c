/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd/stream.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "image/image_priv.h"
#include "ops/convert.h"
#include "ops/copy.h"
#include "ops/plan.h"
#include "ops/stream_look.h"
#include "ops/stream_pen.h"
#include "ops/stream_skel.h"

/*
 * An image front to back: its tables come before the data, so what goes into
 * them has to be known before the first byte is written.
 *
 *	first pass	where has the source data?  A place for each.
 *	seal		The builder writes its tables: the skeleton of the
 *			image, and with it the length of the whole.
 *	second pass	The copy engine gives the data, in the order of the
 *			disk; up to the place of each the skeleton is written,
 *			and then the data.  Then the rest of the skeleton.
 *
 * That works for every format, as all place what is asked for in ascending
 * order in ascending places.  What the first pass saw decides: a block that has
 * a place and turns out to be empty is zeros, and data that has none is an error.
 */
struct out {
	struct vhd_image *src;
	const struct vhd_convert_opts *opts;
	struct vhd_plan plan;
	struct vhd_skel *skel;
	struct vhd_pen pen;
	uint8_t *buf;			/* of the skeleton */
	uint64_t total;
	uint64_t piece_off;		/* the piece that was found last: in the */
	uint64_t piece_len;		/* disk, */
	uint64_t piece_file;		/* and in the image */
	struct vhd_convert_result result;
};

static int first_data(void *arg, uint64_t len, uint64_t off,
		      struct vhd_error *err)
{
	struct out *o = arg;
	int rc = 0;

	while (!rc && len) {
		uint64_t file_off, n;

		rc = vhd_skel_place(o->skel, off, &file_off, &n, err);
		n = min_u64(n, len);
		off += n;
		len -= n;
	}
	return rc;
}

static int first_scanned(void *arg, const void *buf, uint64_t len,
			 uint64_t off, struct vhd_error *err)
{
	(void)buf;
	return first_data(arg, len, off, err);
}

static bool scans(const struct out *o)
{
	return o->opts->flags & VHD_CONVERT_ZERO_SCAN;
}

static int first_pass(struct out *o, struct vhd_error *err)
{
	struct vhd_look look = {
		.src = o->src,
		.data = first_data,
		.arg = o,
		.progress = o->opts->progress,
		.progress_arg = o->opts->progress_arg,
	};
	struct vhd_copy scan = {
		.src = o->src,
		.data = first_scanned,
		.arg = o,
		.threads = o->opts->threads,
		.progress = o->opts->progress,
		.progress_arg = o->opts->progress_arg,
	};

	/* All has its place already. */
	if (o->plan.build.type == VHD_TYPE_FIXED)
		return 0;
	return scans(o) ? vhd_copy_run(&scan, NULL, err)
			: vhd_look_run(&look, err);
}

/* The skeleton, up to @end. */
static int skeleton(struct out *o, uint64_t end, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && o->pen.pos < end) {
		uint64_t len;
		bool zero;

		rc = vhd_skel_read(o->skel, o->pen.pos, end, o->buf, &len,
				   &zero, err);
		if (!rc && zero)
			rc = vhd_pen_zero(&o->pen, len, err);
		else if (!rc)
			rc = vhd_pen_bytes(&o->pen, o->buf, len, err);
	}
	return rc;
}

/* Finds the image's place for a guest byte and remembers the whole piece. */
static int find(struct out *o, uint64_t off, struct vhd_error *err)
{
	uint64_t file_off, len;
	int rc;

	if (off >= o->piece_off && off - o->piece_off < o->piece_len)
		return 0;
	rc = vhd_skel_find(o->skel, off, &file_off, &len, err);
	if (rc)
		return rc;
	o->piece_off = off;
	o->piece_len = len;
	o->piece_file = file_off;
	return 0;
}

/* Bytes that have one place, or none. */
static int second_piece(struct out *o, const uint8_t *buf, uint64_t len,
			uint64_t off, struct vhd_error *err)
{
	uint64_t file_off = o->piece_file + (off - o->piece_off);
	int rc;

	if (o->piece_file >= o->total) {
		if (vhd_is_zero(buf, (size_t)len))
			return 0;
		return vhd_fail(err, VHD_E_CORRUPT,
				"there is data at 0x%" PRIx64 " now, where "
				"there was none when the image was laid out: "
				"another program writes to the source", off);
	}
	if (file_off < o->pen.pos)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"the source gives its disk in another order "
				"than front to back, at 0x%" PRIx64, off);
	rc = skeleton(o, file_off, err);
	return rc ? rc : vhd_pen_bytes(&o->pen, buf, len, err);
}

static int second_data(void *arg, const void *bytes, uint64_t len, uint64_t off,
		       struct vhd_error *err)
{
	struct out *o = arg;
	const uint8_t *buf = bytes;
	int rc = 0;

	while (!rc && len) {
		uint64_t n;

		rc = find(o, off, err);
		if (rc)
			break;
		n = min_u64(len, o->piece_len - (off - o->piece_off));
		rc = second_piece(o, buf, n, off, err);
		buf += n;
		off += n;
		len -= n;
	}
	return rc;
}

/* The pen tells how far we are; but holes are passed over without it. */
static bool still_wanted(void *arg, uint64_t done, uint64_t total)
{
	const struct out *o = arg;

	(void)done;
	(void)total;
	return !o->opts->progress ||
	       o->opts->progress(o->opts->progress_arg, o->pen.pos, o->total);
}

static int second_pass(struct out *o, struct vhd_error *err)
{
	struct vhd_copy copy = {
		.src = o->src,
		.data = second_data,
		.arg = o,
		/* Who is not told of zeros is best given large pieces. */
		.whole = !o->pen.sink->zero,
		.threads = o->opts->threads,
		.forget = o->opts->flags & VHD_CONVERT_NO_CACHE,
		.progress = still_wanted,
		.progress_arg = o,
	};
	struct vhd_copy_result r = { 0 };
	int rc = vhd_copy_run(&copy, &r, err);

	if (!rc)
		rc = skeleton(o, o->total, err);
	if (!rc)
		rc = vhd_pen_flush(&o->pen, err);
	o->result.data_bytes = r.data_bytes;
	o->result.zero_bytes = r.zero_bytes;
	o->result.missing_bytes = r.missing_bytes;
	return rc;
}

static void describe(struct out *o)
{
	struct vhd_convert_result *r = &o->result;
	bool raw = o->plan.format == VHD_FORMAT_RAW;

	r->source_size = vhd_size(o->src);
	r->target_size = o->plan.build.virtual_size;
	r->source_sector = o->src->layers[0].logical_sector;
	r->target_sector = raw ? r->source_sector
			       : o->plan.build.logical_sector;
}

/* From the options to the sealed skeleton. */
static int prepare(struct out *o, const char *temp_dir, struct vhd_error *err)
{
	const struct vhd_create_opts *create = &o->opts->create;
	int rc;

	if (create->parent || create->type == VHD_TYPE_DIFF)
		return vhd_fail(err, VHD_E_INVAL,
				"a conversion makes a stand-alone image, not a "
				"differencing one");
	if (o->opts->flags & VHD_CONVERT_VERIFY)
		return vhd_fail(err, VHD_E_INVAL,
				"a stream cannot be read back to verify it");
	if (create->format == VHD_FORMAT_AUTO &&
	    create->target == VHD_TARGET_NONE)
		return vhd_fail(err, VHD_E_INVAL,
				"a stream has no name that tells its format, "
				"so it has to be given");
	rc = vhd_plan_make("", create, o->src, &o->plan, err);
	if (!rc)
		rc = vhd_skel_new(&o->plan, temp_dir, &o->skel, err);
	if (!rc)
		rc = first_pass(o, err);
	if (!rc)
		rc = vhd_skel_seal(o->skel, &o->total, err);
	if (!rc)
		describe(o);
	return rc;
}

static int begin(struct out *o, const struct vhd_stream_sink *sink,
		 struct vhd_error *err)
{
	int rc;

	o->pen.sink = sink;
	o->pen.total = o->total;
	o->pen.progress = o->opts->progress;
	o->pen.progress_arg = o->opts->progress_arg;
	o->buf = vhd_alloc(VHD_SKEL_PIECE);
	if (!o->buf)
		return vhd_fail_nomem(err);
	rc = vhd_pen_open(&o->pen, err);
	if (rc || !sink->begin)
		return rc;
	rc = sink->begin(sink->arg, o->total);
	if (rc)
		return vhd_fail_errno(err, -rc, VHD_NO_OFFSET,
				      "a stream of %" PRIu64 " bytes is not "
				      "taken", o->total);
	return 0;
}

static void out_free(struct out *o)
{
	vhd_pen_close(&o->pen);
	vhd_free(o->buf);
	vhd_skel_free(o->skel);
	vhd_plan_free(&o->plan);
}

int vhd_stream_write(struct vhd_image *src, const struct vhd_convert_opts *in,
		     const struct vhd_stream_sink *sink, uint64_t *total_out,
		     struct vhd_convert_result *result_out,
		     struct vhd_error *err)
{
	struct vhd_convert_opts opts;
	struct out o = { .src = src, .opts = &opts };
	int rc;

	if (!src || !sink || !sink->write || sink->size < sizeof(*sink))
		return vhd_fail(err, VHD_E_INVAL, "nothing to convert");
	rc = vhd_convert_opts_get(in, &opts, err);
	if (!rc)
		rc = prepare(&o, sink->temp_dir, err);
	if (!rc)
		rc = begin(&o, sink, err);
	if (!rc)
		rc = second_pass(&o, err);
	if (!rc && total_out)
		*total_out = o.total;
	if (!rc && result_out)
		*result_out = o.result;
	out_free(&o);
	return rc;
}

int vhd_stream_size(struct vhd_image *src, const struct vhd_convert_opts *in,
		    const char *temp_dir, uint64_t *total_out,
		    struct vhd_convert_result *result_out,
		    struct vhd_error *err)
{
	struct vhd_convert_opts opts;
	struct out o = { .src = src, .opts = &opts };
	int rc;

	if (!src || !total_out)
		return vhd_fail(err, VHD_E_INVAL, "nothing to convert");
	rc = vhd_convert_opts_get(in, &opts, err);
	if (!rc)
		rc = prepare(&o, temp_dir, err);
	if (!rc)
		*total_out = o.total;
	if (!rc && result_out)
		*result_out = o.result;
	out_free(&o);
	return rc;
}

int vhd_convert_stream(struct vhd_image *src,
		       int (*write)(void *arg, const void *buf, size_t len),
		       void *arg, vhd_progress_fn progress, void *progress_arg,
		       struct vhd_convert_result *result_out,
		       struct vhd_error *err)
{
	struct vhd_convert_opts opts = VHD_CONVERT_OPTS_INIT;
	struct vhd_stream_sink sink = VHD_STREAM_SINK_INIT;

	sink.write = write;
	sink.arg = arg;
	opts.create.format = VHD_FORMAT_RAW;
	opts.progress = progress;
	opts.progress_arg = progress_arg;
	return vhd_stream_write(src, &opts, &sink, NULL, result_out, err);
}
