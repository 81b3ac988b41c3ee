/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vhd/xen.h>

#include "classic/classic.h"
#include "classic/scan.h"

enum {
	/* The copy of the footer and the header. */
	FRONT_LEN = 1536,
	TYPE_FIXED = 2,
	TYPE_DYNAMIC = 3,
	TYPE_DIFF = 4
};

const char *scan_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

char *scan_key(const char *path)
{
	struct stat st;
	char *key;

	if (stat(path, &st) != 0)
		return NULL;
	/* A device has many nodes; no volume is called that. */
	if (S_ISBLK(st.st_mode) &&
	    asprintf(&key, "/b/%llx", (unsigned long long)st.st_rdev) >= 0)
		return key;
	if (!S_ISBLK(st.st_mode) &&
	    asprintf(&key, "/f/%llx/%llx", (unsigned long long)st.st_dev,
		     (unsigned long long)st.st_ino) >= 0)
		return key;
	return NULL;
}

void scan_fail(struct scan_image *image, int error, const char *message)
{
	image->error = error;
	image->message = message;
}

static void absent(struct scan_image *out)
{
	scan_fail(out, ENOENT, SCAN_TARGET_FAILED);
	out->absent = true;
}

/* A raw parent has nothing but a size, and somebody uses it. */
static void look_raw(const struct scan_target *target, struct scan_image *out)
{
	off_t size = -1;
	int fd;

	out->hidden = 1;
	if (target->volume != NULL) {
		out->capacity = out->size = target->volume->len;
		return;
	}
	fd = open(target->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0) {
		size = lseek(fd, 0, SEEK_END);
		close(fd);
	}
	if (size < 0 && errno == ENOENT)
		absent(out);
	else if (size < 0)
		scan_fail(out, EINVAL, "opening file");
	else
		out->capacity = out->size = (uint64_t)size;
}

/* The footer that counts; NULL: none. A volume's end may be somewhere else. */
static const struct vhd_xen_footer *footer_of(const struct vhd_xen_headers *h,
					      bool front)
{
	if (!front && h->footer == VHD_XEN_TAIL)
		return &h->tail;
	return h->have & VHD_XEN_FRONT_SOUND ? &h->front : NULL;
}

/* What is wrong with the headers; NULL: nothing. */
static const char *judge(const struct vhd_xen_headers *h,
			 const struct vhd_xen_footer *f)
{
	if (f == NULL)
		return "invalid footer";
	if (f->type == TYPE_FIXED)
		return f == &h->tail ? NULL : "invalid footer";
	if (f->type != TYPE_DYNAMIC && f->type != TYPE_DIFF)
		return "invalid footer";
	/* What version 0.1 of the tool wrote is not what it seems to be. */
	if (memcmp(f->creator_app, "tap", 3) == 0 && f->creator_version <= 1)
		return "invalid footer";
	return h->have & VHD_XEN_HEADER_SOUND ? NULL : "reading header";
}

static void take_attrs(const struct vhd_xen_headers *h, struct scan_image *out)
{
	out->marker = h->batmap.marker;
	out->has_keyhash = h->batmap.key_cookie == 1;
	memcpy(out->keyhash, h->batmap.key_hash, sizeof(out->keyhash));
}

static int read_volume(const struct lvm_volume *v, uint32_t flags,
		       struct vhd_xen_headers *h, struct scan_image *out)
{
	struct vhd_error err;

	out->size = v->len;
	if (v->path == NULL)
		scan_fail(out, ENOSYS, SCAN_TARGET_FAILED);
	else if (v->path[0] != '/')
		/* The disk is missing: LVM says "[unknown]". */
		scan_fail(out, ENOENT, "opening device");
	else if (v->first_len < FRONT_LEN)
		scan_fail(out, EINVAL, "device too small");
	else if (vhd_xen_headers(v->path, v->off, v->first_len, flags, h, &err))
		scan_fail(out, classic_status(&err),
			  err.code == VHD_E_IO ? "opening device"
					       : "device too small");
	return out->error;
}

static int read_file(const char *path, uint32_t flags,
		     struct vhd_xen_headers *h, struct scan_image *out)
{
	struct vhd_error err;

	if (vhd_xen_headers(path, 0, 0, flags, h, &err) == 0) {
		out->size = h->file_size;
		return 0;
	}
	if (err.os_errno == ENOENT)
		absent(out);
	else
		scan_fail(out, classic_status(&err), "opening file");
	return out->error;
}

static void look_vhd(const struct scan_opts *opts, const struct lvm_group *group,
		     const struct scan_target *target, struct scan_image *out)
{
	struct vhd_xen_headers h = { .size = sizeof(h) };
	uint32_t flags = opts->fast && !opts->attrs ? VHD_XEN_FAST : 0;
	const struct lvm_volume *v = target->volume;
	const struct vhd_xen_footer *f;
	const char *bad;

	if (v != NULL ? read_volume(v, flags, &h, out)
		      : read_file(target->name, flags, &h, out))
		return;
	f = footer_of(&h, opts->fast || (v != NULL && v->first_len < v->len));
	bad = judge(&h, f);
	if (bad != NULL) {
		scan_fail(out, EINVAL, v != NULL ? bad : "opening file");
		return;
	}
	out->capacity = f->current_size;
	out->hidden = f->hidden;
	take_attrs(&h, out);
	if (f->type == TYPE_DIFF)
		scan_parent(opts, group, target, &h, out);
}

void scan_look(const struct scan_opts *opts, const struct lvm_group *group,
	       const struct scan_target *target, struct scan_image *out)
{
	*out = (struct scan_image){ 0 };
	if (target->volume == NULL && group != NULL)
		absent(out);
	else if (target->raw)
		look_raw(target, out);
	else
		look_vhd(opts, group, target, out);
	if (opts->tree)
		out->key = target->volume ? strdup(target->name)
					  : scan_key(target->name);
	out->name = strdup(opts->whole_names || out->error ?
			   target->name : scan_base_name(target->name));
	if (out->name == NULL)
		scan_fail(out, ENOMEM, SCAN_TARGET_FAILED);
}

void scan_image_free(struct scan_image *image)
{
	free(image->name);
	free(image->key);
	free(image->parent);
	free(image->parent_path);
	free(image->parent_key);
}
