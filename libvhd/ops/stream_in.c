/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening what comes front to back.
 *
 *	all of it came with the first MiB         a file in memory
 *	begins as a VHD or VHDX with a table      opened over the stream: all up
 *	                                          to the end of the table is kept,
 *	                                          the payload slides by
 *	no mark, and the size is known            a raw disk that slides by; the
 *	                                          last bytes may be the footer of
 *	                                          a fixed VHD
 *	anything else                             all of it is stored first, and is
 *	                                          then a file: raw and fixed disks
 *	                                          of unknown size, images with a
 *	                                          parent or with a pending log
 *
 * A guest can write what looks like the beginning of an image into a raw disk,
 * or into a fixed VHD.  Whoever knows that a disk is raw says so; and for a fixed
 * VHD the end of the stream tells (ops/stream_in_end.c), before the target gets
 * its name.
 */
#include "ops/stream_in.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "image/probe.h"
#include "io/io_forward.h"
#include "ops/forward_order.h"

enum way { WAY_IMAGE, WAY_RAW, WAY_FILE };

#define PEEK_LEN MiB
#define KNOWN_FLAGS ((uint32_t)(VHD_STREAM_STORE | VHD_STREAM_IN_ORDER))

struct opening {
	const struct vhd_stream *stream;
	struct vhd_open_opts opts;
	struct vhd_forward *fw;
};

static int open_view(struct opening *o, enum vhd_format format,
		     struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_open_opts opts = o->opts;
	struct vhd_io *io = NULL;
	int rc = vhd_forward_view(o->fw, &io, err);

	opts.format = format;
	opts.flags |= VHD_OPEN_NO_PARENT;
	opts.parents = NULL;
	return rc ? rc : vhd_image_open_logged(io, &opts, img_out, err);
}

/* Children need to be told where their parent is: a stream lies nowhere. */
static int want_parent(const struct opening *o, const struct vhd_image *img,
		       struct vhd_error *err)
{
	if (!img->torn || o->opts.parents ||
	    o->opts.flags & VHD_OPEN_NO_PARENT)
		return 0;
	return vhd_fail(err, VHD_E_PARENT, "it holds only what differs from a "
			"parent, and which file that is has to be said");
}

static int open_file(struct opening *o, struct vhd_io *io,
		     struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_open_opts opts = o->opts;
	struct vhd_image *img = NULL;
	int rc;

	if (!opts.parents)
		opts.flags |= VHD_OPEN_NO_PARENT;
	rc = vhd_image_open_logged(io, &opts, &img, err);
	if (!rc)
		rc = want_parent(o, img, err);
	if (!rc)
		rc = vhd_stream_in_whole(img, err);
	if (rc)
		vhd_close(&img, NULL);
	else
		*img_out = img;
	return rc;
}

static int no_room(const char *why, struct vhd_error *err)
{
	return vhd_fail(err, VHD_E_UNSUPPORTED, "%s, so it cannot be read in "
			"one pass%s, and it may not be stored", why,
			strcmp(why, "its size is not known") ? "" :
			" unless its size is said");
}

/* What is wrong may be that it was cut off. */
static int say_end(const struct opening *o, struct vhd_error *err)
{
	struct vhd_error was;
	uint64_t size = 0;

	vhd_forward_ended(o->fw, &size);
	if (!err || strstr(err->msg, "stream ended"))
		return VHD_E_CORRUPT;
	was = *err;
	vhd_fail(err, was.code, "the stream ended after %" PRIu64 " bytes: %s",
		 size, was.msg);
	err->rule = was.rule;
	err->off = was.off;
	return was.code;
}

/* All of the stream, then the file that it is. */
static int store_all(struct opening *o, const char *why,
		     struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	uint64_t size;
	int rc = 0;

	if (!vhd_forward_ended(o->fw, &size)) {
		if (!o->stream->spool_dir)
			return no_room(why, err);
		if (o->stream->storing)
			o->stream->storing(o->stream->arg, why);
		rc = vhd_forward_fill(o->fw, UINT64_MAX, err);
	}
	if (!rc)
		rc = vhd_forward_take(o->fw, &io, err);
	if (rc)
		return rc;
	rc = open_file(o, io, img_out, err);
	return rc == VHD_E_CORRUPT ? say_end(o, err) : rc;
}

static bool is_fixed_vhd(struct vhd_image *img)
{
	struct vhd_info *info = vhd_alloc(sizeof(*info));
	bool yes = true;

	if (info) {
		info->size = sizeof(*info);
		yes = vhd_layer_info(img, 0, info, NULL) ||
		      (info->format == VHD_FORMAT_VHD &&
		       info->type == VHD_TYPE_FIXED);
	}
	vhd_free(info);
	return yes;
}

/* Why an image that could be opened cannot slide by; NULL: it can. */
static const char *needs_file(struct vhd_image *img)
{
	if (is_fixed_vhd(img))
		return "its end says what it is";
	if (img->torn)
		return "it has a parent";
	if (img->layers[0].dirty_log)
		return "its log has changes that are not in place yet";
	return NULL;
}

/*
 * The table, wherever it is, is walked and so kept.  *@why_out: not NULL when the
 * image cannot slide by after all.
 */
static int slide(struct opening *o, struct vhd_image *img,
		 const char **why_out, struct vhd_error *err)
{
	bool want = o->stream->flags & VHD_STREAM_IN_ORDER;
	struct forward_order order;
	int rc = vhd_forward_order_begin(&order, img, err);

	vhd_forward_order_end(&order);
	if (rc)
		return rc;
	if (want && !order.ascending) {
		*why_out = "its blocks do not come in the order of the disk";
		return 0;
	}
	vhd_forward_slide(o->fw);
	img->forward = o->fw;
	img->size_rule = o->opts.size_rule;
	o->fw = NULL;
	return 0;
}

static int open_image(struct opening *o, enum vhd_format format,
		      struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	const char *why = NULL;
	uint64_t size;
	int rc = open_view(o, format, &img, err);

	if (!rc)
		rc = want_parent(o, img, err);
	if (!rc)
		why = needs_file(img);
	if (!rc && !why)
		rc = slide(o, img, &why, err);
	if (!rc && !why) {
		*img_out = img;
		return 0;
	}
	vhd_close(&img, NULL);
	/* A stream that is over may say more about what is wrong. */
	if (!why && vhd_forward_ended(o->fw, &size))
		why = "it is over";
	return why ? store_all(o, why, img_out, err)
		   : vhd_forward_explain(o->fw, rc, err);
}

static int open_raw(struct opening *o, struct vhd_image **img_out,
		    struct vhd_error *err)
{
	bool sure = o->opts.format == VHD_FORMAT_RAW;
	int rc;

	vhd_forward_raw(o->fw, o->stream->disk_size,
			sure ? NULL : vhd_probe_trailer);
	rc = open_view(o, VHD_FORMAT_RAW, img_out, err);
	if (!rc) {
		(*img_out)->forward = o->fw;
		o->fw = NULL;
	}
	return rc;
}

/* What the first bytes are, and so what can be done. */
static int choose(struct opening *o, enum way *way_out,
		  enum vhd_format *format_out, struct vhd_error *err)
{
	enum vhd_format asked = o->opts.format;
	const struct vhd_engine *eng = vhd_engine_of(asked);
	struct vhd_io *io = NULL;
	bool ours = asked == VHD_FORMAT_VHDX;
	int rc = vhd_forward_view(o->fw, &io, err);

	if (!rc && asked == VHD_FORMAT_AUTO) {
		rc = vhd_probe(io, asked, true, &eng, err);
		ours = !rc && eng->format != VHD_FORMAT_RAW;
	} else if (!rc && asked == VHD_FORMAT_VHD) {
		rc = eng->probe(io, &ours, err);
	}
	vhd_io_close(&io, NULL);
	if (rc)
		return vhd_forward_explain(o->fw, rc, err);
	*way_out = WAY_FILE;
	*format_out = asked;
	if (ours) {
		*way_out = WAY_IMAGE;
		*format_out = eng->format;
	} else if (o->stream->disk_size && asked != VHD_FORMAT_VHD &&
		   (asked == VHD_FORMAT_RAW ||
		    o->opts.flags & VHD_OPEN_ALLOW_RAW)) {
		*way_out = WAY_RAW;
	}
	return 0;
}

static int open_any(struct opening *o, struct vhd_image **img_out,
		    struct vhd_error *err)
{
	enum vhd_format format = VHD_FORMAT_AUTO;
	enum way way = WAY_FILE;
	uint64_t size;
	int rc = vhd_forward_fill(o->fw, PEEK_LEN, err);

	if (rc)
		return rc;
	if (vhd_forward_ended(o->fw, &size))
		return size ? store_all(o, NULL, img_out, err)
			    : vhd_fail(err, VHD_E_FORMAT,
				       "the stream is empty: who should have "
				       "written it has failed");
	if (o->stream->flags & VHD_STREAM_STORE)
		return store_all(o, "it is read more than once", img_out, err);
	rc = choose(o, &way, &format, err);
	if (rc)
		return rc;
	switch (way) {
	case WAY_IMAGE:
		return open_image(o, format, img_out, err);
	case WAY_RAW:
		return open_raw(o, img_out, err);
	case WAY_FILE:
		break;
	}
	return store_all(o, "its size is not known", img_out, err);
}

static int stream_check(const struct vhd_stream *s, struct vhd_image **img_out,
			struct vhd_error *err)
{
	if (!s || !img_out || s->size < sizeof(*s) || !s->read)
		return vhd_fail(err, VHD_E_INVAL,
				"struct vhd_stream has no size or no function");
	return vhd_flags_check(s->flags, KNOWN_FLAGS, "flags", err);
}

int vhd_stream_open(const struct vhd_stream *stream,
		    const struct vhd_open_opts *opts,
		    struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_stream own;
	struct opening o = { .stream = &own };
	struct vhd_forward_how how;
	int rc = stream_check(stream, img_out, err);

	if (rc)
		return rc;
	own = *stream;
	own.name = own.name ? own.name : "(stream)";
	how = (struct vhd_forward_how){ own.read, own.arg, own.why, own.close,
					own.name, own.spool_dir };
	rc = vhd_forward_new(&how, &o.fw, err);
	if (rc)
		return rc;
	rc = vhd_open_opts_get(opts, &o.opts, err);
	if (!rc && o.opts.flags & VHD_OPEN_RDWR)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "a stream cannot be opened for writing");
	if (!rc)
		rc = open_any(&o, img_out, err);
	vhd_forward_free(o.fw);
	return rc ? vhd_err_file(err, rc, own.name) : 0;
}
