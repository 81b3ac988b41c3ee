/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing without changing the image: a differencing child takes the writes.
 * It has the image's own format, so it is a checkpoint like any other and can
 * be merged or mounted again, or it is a scratch file without a name.
 */
#include "overlay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int nomem(struct vhd_error *err)
{
	memset(err, 0, sizeof(*err));
	err->code = VHD_E_NOMEM;
	err->off = VHD_NO_OFFSET;
	snprintf(err->msg, sizeof(err->msg), "out of memory");
	return err->code;
}

/* A child of a raw disk can only be a VHD. */
static enum vhd_format child_format(struct vhd_image *img)
{
	struct vhd_info info = { .size = sizeof(info) };

	if (vhd_layer_info(img, 0, &info, NULL) == 0 &&
	    info.format == VHD_FORMAT_VHDX)
		return VHD_FORMAT_VHDX;
	return VHD_FORMAT_VHD;
}

/* What is changed of the image is as private as the image. */
static mode_t private_mask(const struct vhd_image *img)
{
	int fd = vhd_layer_fd(img, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return 0077;
	return ~st.st_mode & 0077;
}

static int make(const char *path, const struct options *o,
		const struct vhd_open_opts *base, struct vhd_error *err)
{
	struct vhd_create_opts create = VHD_CREATE_OPTS_INIT;
	struct vhd_image *img;
	mode_t mask;
	int rc = vhd_open(o->image, base, &img, err);

	if (rc)
		return rc;
	create.format = child_format(img);
	/* Of the makers of VHD it is Xen's that allow raw parents. */
	if (base->format == VHD_FORMAT_RAW)
		create.target = VHD_TARGET_XEN;
	create.parent = o->image;
	create.open = base;
	create.flags = o->snapshot ? VHD_CREATE_NO_SYNC : 0;
	mask = private_mask(img);
	vhd_close(&img, NULL);
	mask = umask(mask);
	rc = vhd_create(path, &create, err);
	umask(mask);
	return rc;
}

/* The image is the child's parent; what was named as parents comes below. */
static int open_child(const char *path, const struct options *o,
		      const struct vhd_open_opts *base,
		      struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_open_opts opts = *base;
	const char **parents = calloc(o->parents.count + 2, sizeof(*parents));
	int rc;

	if (parents == NULL)
		return nomem(err);
	parents[0] = o->image;
	for (size_t i = 0; i < o->parents.count; i++)
		parents[i + 1] = o->parents.word[i];
	opts.parents = parents;
	opts.format = VHD_FORMAT_AUTO;
	opts.flags |= VHD_OPEN_RDWR | VHD_OPEN_THREAD;
	rc = vhd_open(path, &opts, img_out, err);
	free(parents);
	return rc;
}

static int scratch_open(const struct options *o,
			const struct vhd_open_opts *base,
			struct vhd_image **img_out, struct vhd_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char dir[1024], path[1100];
	int rc;

	snprintf(dir, sizeof(dir), "%s/vhdfuse.XXXXXX",
		 tmp != NULL && tmp[0] == '/' ? tmp : "/var/tmp");
	if (mkdtemp(dir) == NULL) {
		nomem(err);
		err->code = VHD_E_IO;
		err->os_errno = errno;
		snprintf(err->file, sizeof(err->file), "%.255s", dir);
		snprintf(err->msg, sizeof(err->msg),
			 "no scratch file can be made: %s", strerror(errno));
		return err->code;
	}
	snprintf(path, sizeof(path), "%s/scratch", dir);
	rc = make(path, o, base, err);
	if (!rc)
		rc = open_child(path, o, base, img_out, err);
	unlink(path);
	rmdir(dir);
	return rc;
}

/* Anything else would show another disk than the one that was asked for. */
static int demand_child(struct vhd_image **img, const struct options *o,
			struct vhd_error *err)
{
	struct stat parent, image;

	if (vhd_layers(*img) > 1 &&
	    fstat(vhd_layer_fd(*img, 1), &parent) == 0 &&
	    stat(o->image, &image) == 0 && parent.st_dev == image.st_dev &&
	    parent.st_ino == image.st_ino)
		return 0;
	vhd_close(img, NULL);
	nomem(err);
	err->code = VHD_E_INVAL;
	snprintf(err->file, sizeof(err->file), "%s", o->overlay);
	snprintf(err->msg, sizeof(err->msg),
		 "is no child of the image, so it cannot take its writes");
	return err->code;
}

int overlay_open(const struct options *o, const struct vhd_open_opts *base,
		 struct vhd_image **img_out, char **name_out,
		 struct vhd_error *err)
{
	int rc = 0;

	*name_out = strdup(o->snapshot ? o->image : o->overlay);
	if (*name_out == NULL)
		return nomem(err);
	if (o->snapshot)
		return scratch_open(o, base, img_out, err);
	if (access(o->overlay, F_OK) != 0)
		rc = make(o->overlay, o, base, err);
	if (!rc)
		rc = open_child(o->overlay, o, base, img_out, err);
	return rc ? rc : demand_child(img_out, o, err);
}
