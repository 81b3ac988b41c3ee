/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/status.h"
#include "common/text.h"
#include "overlay.h"

static void log_warning(void *arg, enum vhd_log_level level, const char *msg)
{
	if (level == VHD_LOG_WARNING)
		log_line(arg, "%s", msg);
}

static struct vhd_open_opts open_opts(const struct options *o, struct log *log)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;

	opts.flags = o->open_flags;
	opts.format = o->format;
	if (o->format == VHD_FORMAT_RAW)
		opts.flags |= VHD_OPEN_ALLOW_RAW;
	if (o->parents.count)
		opts.parents = (const char *const *)o->parents.word;
	if (o->parent_dirs.count)
		opts.parent_dirs = (const char *const *)o->parent_dirs.word;
	opts.log = log_warning;
	opts.log_arg = log;
	return opts;
}

/* Is the image, or what it lies on, one that cannot be written? */
static bool not_writable(const struct vhd_error *err)
{
	if (err->code == VHD_E_READONLY || err->code == VHD_E_CORRUPT ||
	    err->code == VHD_E_UNSUPPORTED)
		return true;
	return err->os_errno == EACCES || err->os_errno == EROFS ||
	       err->os_errno == EPERM;
}

/* Whoever writes to a parent spoils its children (VHDX-PAR-19, VHD-D-9). */
static int refuse_children(const struct options *o, struct vhd_image *img,
			   const char *name, struct log *log)
{
	struct vhd_error err = { .code = VHD_OK };

	if (vhd_refuse_children(img, &err) == 0)
		return 0;
	log_line(log, "%s: %s", name, err.msg);
	if (o->write_parent)
		return 0;
	fputs("hint: look at it with -o ro, write to its child, keep writes "
	      "apart with --snapshot, or give the child up with "
	      "-o write-parent\n", stderr);
	return -1;
}

static int close_if_parent(const struct options *o, struct log *log,
			   struct disk *d, struct vhd_error *err)
{
	if (refuse_children(o, d->img, d->name, log) == 0)
		return 0;
	vhd_close(&d->img, NULL);
	err->code = VHD_E_CANCELLED;
	return err->code;
}

static int open_for_writing(const struct options *o, struct vhd_open_opts opts,
			    struct log *log, struct disk *d,
			    struct vhd_error *err)
{
	int rc;

	opts.flags |= VHD_OPEN_RDWR | VHD_OPEN_THREAD;
	rc = vhd_open(o->image, &opts, &d->img, err);
	if (rc)
		return rc;
	return close_if_parent(o, log, d, err);
}

/* What cannot be read either has one reason, and it is the second. */
static int fall_back(const struct options *o, const struct vhd_open_opts *opts,
		     struct log *log, struct disk *d, struct vhd_error *err)
{
	struct vhd_error why = *err;
	int rc = vhd_open(o->image, opts, &d->img, err);

	if (rc)
		return rc;
	d->read_only = true;
	log_line(log, "%s: cannot be written, so the mount is read only: %s",
		 o->image, why.msg);
	return 0;
}

static int open_image(const struct options *o, struct log *log, struct disk *d,
		      struct vhd_error *err)
{
	struct vhd_open_opts opts = open_opts(o, log);
	int rc;

	if (o->overlay != NULL || o->snapshot) {
		rc = overlay_open(o, &opts, &d->img, &d->name, err);
		return rc || o->snapshot ? rc
					 : close_if_parent(o, log, d, err);
	}
	d->name = strdup(o->image);
	if (o->read_only || o->layer >= 0) {
		d->read_only = true;
		return vhd_open(o->image, &opts, &d->img, err);
	}
	rc = open_for_writing(o, opts, log, d, err);
	if (!rc || o->read_write || !not_writable(err))
		return rc;
	return fall_back(o, &opts, log, d, err);
}

static int open_layers(const struct options *o, struct log *log,
		       struct disk *d, struct vhd_error *err)
{
	uint32_t count = vhd_layers(d->img);

	if (!o->layers && o->layer < 0)
		return 0;
	d->layers = calloc(count, sizeof(*d->layers));
	if (d->layers == NULL) {
		err->code = VHD_E_NOMEM;
		return err->code;
	}
	if (count == 1 && !d->read_only)
		log_line(log, "%s: has no parent, so there are no layers to show",
			 d->name);
	/* The top, if it is being written, is the disk itself. */
	for (uint32_t i = count; i-- > 0;) {
		struct vhd_image **to = &d->layers[count - 1 - i];

		if (i == 0 && !d->read_only)
			break;
		if (vhd_layer_image(d->img, i, to, err))
			return err->code;
		d->layer_count++;
	}
	return 0;
}

static int fail(struct log *log, const struct options *o, const char *msg)
{
	log_line(log, "%s: %s", o->image, msg);
	return -1;
}

static const struct part *find_part(const struct ptable *t, uint32_t number)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->parts[i].number == number)
			return &t->parts[i];
	}
	return NULL;
}

static int show_partition(const struct options *o, struct log *log,
			  struct disk *d)
{
	struct ptable *t = calloc(1, sizeof(*t));
	const struct part *p = NULL;

	if (t != NULL && disk_partitions(d, t) == 0)
		p = find_part(t, o->partition);
	if (p != NULL) {
		d->shown.off += p->off;
		d->shown.len = p->len;
	}
	free(t);
	return p != NULL ? 0 : fail(log, o, "has no partition of that number");
}

/* What disk.raw shows of the image. */
static int choose(const struct options *o, struct log *log, struct disk *d)
{
	struct view *v = &d->shown;

	v->img = d->img;
	v->read_only = d->read_only;
	if (o->layer >= 0) {
		if ((uint32_t)o->layer >= d->layer_count)
			return fail(log, o, "has no layer of that number");
		v->img = d->layers[o->layer];
	}
	v->len = vhd_size(v->img);
	if (v->len == 0)
		return fail(log, o, "is empty: a disk has at least one sector");
	if (o->partition != 0 && show_partition(o, log, d))
		return -1;
	if (o->offset >= v->len)
		return fail(log, o, "offset= lies past the end of the disk");
	v->off += o->offset;
	v->len -= o->offset;
	if (o->size_limit > v->len)
		return fail(log, o, "sizelimit= reaches past the end of the disk");
	if (o->size_limit != 0)
		v->len = o->size_limit;
	return 0;
}

int disk_open(const struct options *o, struct log *log, struct disk *d)
{
	struct vhd_error err = { .off = VHD_NO_OFFSET };
	int rc;

	memset(d, 0, sizeof(*d));
	rc = open_image(o, log, d, &err);
	if (rc == 0)
		rc = open_layers(o, log, d, &err);
	/* VHD_E_CANCELLED: the reason was given. */
	if (rc != 0 && err.code != VHD_E_CANCELLED)
		log_error(log, &err, o->image);
	if (rc == 0 && choose(o, log, d) == 0)
		return 0;
	disk_close(d, log);
	return -1;
}

static int read_view(void *arg, void *buf, size_t len, uint64_t off)
{
	const struct view *v = arg;
	struct vhd_error err;

	if (vhd_pread(v->img, buf, len, v->off + off, &err))
		return -status_errno(&err);
	return 0;
}

int disk_partitions(const struct disk *d, struct ptable *out)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct view v = d->shown;

	if (vhd_layer_info(v.img, 0, &info, NULL))
		info.logical_sector = 512;
	return ptable_read(read_view, &v, v.len, info.logical_sector, out);
}

int disk_close(struct disk *d, struct log *log)
{
	struct vhd_error err;
	int rc;

	for (uint32_t i = 0; i < d->layer_count; i++)
		vhd_close(&d->layers[i], NULL);
	free(d->layers);
	rc = vhd_close(&d->img, &err);
	if (rc)
		log_error(log, &err, d->name);
	free(d->name);
	memset(d, 0, sizeof(*d));
	return rc ? -1 : 0;
}
