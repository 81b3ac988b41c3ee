/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/image_priv.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/chain.h"
#include "image/owners.h"
#include "io/io_forward.h"

#define DEFAULT_DEPTH 256u

int vhd_open_opts_get(const struct vhd_open_opts *in,
		      struct vhd_open_opts *out, struct vhd_error *err)
{
	const uint32_t known = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT |
			       VHD_OPEN_IGNORE_PARENT_ID |
			       VHD_OPEN_ALLOW_RAW | VHD_OPEN_ANY_PARENT_DIR |
			       VHD_OPEN_RDWR | VHD_OPEN_THREAD |
			       VHD_OPEN_POISONED | VHD_OPEN_CIPHERTEXT |
			       VHD_OPEN_DEVICES | VHD_OPEN_XEN_PARENT |
			       VHD_OPEN_EXACT | VHD_OPEN_UNZEROED;

	int rc = VHD_OPTS_COPY(vhd_open_opts, cache_bytes, in, out, err);

	if (!rc)
		rc = vhd_flags_check(out->flags, known, "open flags", err);
	if (!out->max_depth)
		out->max_depth = DEFAULT_DEPTH;
	return rc;
}

static int take_lock(struct vhd_io *io, const struct vhd_open_opts *opts,
		     struct vhd_error *err)
{
	if (opts->flags & VHD_OPEN_NO_LOCK)
		return 0;
	return vhd_io_lock(io, opts->flags & VHD_OPEN_RDWR ? VHD_LOCK_WRITE
							   : VHD_LOCK_READ,
			   err);
}

int vhd_image_io(const char *path, const struct vhd_open_opts *opts,
		 struct vhd_io **io_out, struct vhd_error *err)
{
	bool rdwr = opts->flags & VHD_OPEN_RDWR;
	struct vhd_io *io = NULL;
	int rc = vhd_io_open_posix(path, rdwr ? VHD_POSIX_WRITE : 0, &io, err);

	if (!rc)
		rc = take_lock(io, opts, err);
	if (rc) {
		vhd_err_file(err, rc, path);
		vhd_io_close(&io, NULL);
		return rc;
	}
	*io_out = io;
	return 0;
}

int vhd_image_open(struct vhd_io *io, const struct vhd_open_opts *opts,
		   const struct vhd_reporter *reporter, int64_t now,
		   struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	struct vhd_layer top = { 0 };
	struct vhd_layer_open how = {
		.format = opts->format,
		.allow_raw = opts->flags & VHD_OPEN_ALLOW_RAW,
		.cache_bytes = opts->cache_bytes,
		.size_rule = opts->size_rule,
		.now = now,
		.reporter = reporter,
		.writable = opts->flags & VHD_OPEN_RDWR,
		.thread = opts->flags & VHD_OPEN_THREAD,
		.flags = opts->flags & VHD_LAYER_FLAGS,
	};
	int rc;

	rc = vhd_layer_open(io, &how, &top, err);
	if (rc)
		return rc;
	img = vhd_alloc(sizeof(*img));
	if (!img) {
		rc = vhd_fail_nomem(err);
		goto out;
	}
	img->size = top.size;
	img->cache_bytes = opts->cache_bytes;
	if (how.writable)
		img->writer = top.ops->writer(top.eng);
	rc = vhd_image_push(img, &top, err);
	if (rc)
		goto out;
	how.writable = false;
	rc = vhd_chain_open(img, opts, &how, err);
	if (rc)
		goto out;
	*img_out = img;
	img = NULL;
out:
	vhd_layer_close(&top, NULL);
	vhd_close(&img, NULL);
	return rc;
}

/*
 * Every second producer deviates in something that no reader minds; only what
 * puts data at risk deserves the attention of who just wants to read.
 */
static enum vhd_log_level level_of(enum vhd_severity severity)
{
	switch (severity) {
	case VHD_SEV_INFO:
		return VHD_LOG_DEBUG;
	case VHD_SEV_WARNING:
		return VHD_LOG_INFO;
	case VHD_SEV_ERROR:
	case VHD_SEV_FATAL:
		break;
	}
	return VHD_LOG_WARNING;
}

/* Turns findings into lines for the log callback. */
static void log_report(void *arg, uint32_t layer, const char *file,
		       const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	const struct vhd_open_opts *opts = arg;
	char line[1280];
	(void)layer;

	if (off == VHD_NO_OFFSET)
		snprintf(line, sizeof(line), "%s: %s (%s)", file, msg,
			 rule->id);
	else
		snprintf(line, sizeof(line), "%s: %s (%s, at 0x%llx)", file,
			 msg, rule->id, (unsigned long long)off);
	opts->log(opts->log_arg, level_of(rule->severity), line);
}

int vhd_image_open_logged(struct vhd_io *io, struct vhd_open_opts *opts,
			  struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_reporter reporter = { log_report, opts, NULL };

	return vhd_image_open(io, opts, opts->log ? &reporter : NULL, 0,
			      img_out, err);
}

int vhd_open(const char *path, const struct vhd_open_opts *opts,
	     struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_open_opts all;
	struct vhd_io *io = NULL;
	int rc;

	if (!path || !img_out)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = vhd_open_opts_get(opts, &all, err);
	if (!rc)
		rc = vhd_image_io(path, &all, &io, err);
	if (!rc)
		rc = vhd_image_open_logged(io, &all, img_out, err);
	return rc;
}

int vhd_open_io(const struct vhd_io_ops *ops, void *handle, const char *name,
		const struct vhd_open_opts *opts, struct vhd_image **img_out,
		struct vhd_error *err)
{
	struct vhd_open_opts all;
	struct vhd_io *io = NULL;
	int rc;

	/* The handle is ours from here on, whatever happens. */
	rc = vhd_io_new(ops, handle, name ? name : "(memory)", &io, err);
	if (rc)
		return rc;
	rc = vhd_open_opts_get(opts, &all, err);
	if (!rc)
		rc = take_lock(io, &all, err);
	if (rc) {
		vhd_io_close(&io, NULL);
		return rc;
	}
	return vhd_image_open_logged(io, &all, img_out, err);
}

int vhd_close(struct vhd_image **img, struct vhd_error *err)
{
	int rc = 0;

	if (!img || !*img)
		return 0;
	while (!(*img)->borrowed && (*img)->count) {
		struct vhd_layer *layer = &(*img)->layers[--(*img)->count];
		int rc2 = vhd_layer_close(layer, rc ? NULL : err);

		rc = rc ? rc : rc2;
	}
	if (!(*img)->borrowed)
		vhd_free((*img)->layers);
	vhd_owners_free((*img)->owners);
	if (!(*img)->borrowed)
		vhd_forward_free((*img)->forward);
	vhd_free(*img);
	*img = NULL;
	return rc;
}
