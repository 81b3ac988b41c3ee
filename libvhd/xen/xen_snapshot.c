/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots.
 *
 * A storage manager makes two children of a disk: one that the machine goes on
 * with and one that is kept.  Often nothing is written to either before the next
 * snapshot, and chains would become long for nothing; so an image that holds no
 * block hands its children on to its own parent (vhd_xen_base()).
 *
 * Parents are opened alone and without a lock: what lies below them need not be
 * there, and a tapdisk may have them open.
 */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "io/stat.h"
#include "vhd/ops.h"
#include "vhd/xen.h"

enum { CHAIN_MAX = 256, BLOCK = 2 << 20 };

static const struct vhd_open_opts alone = {
	.size = sizeof(alone),
	.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT | VHD_OPEN_CIPHERTEXT,
	.format = VHD_FORMAT_VHD,
};

struct facts {
	uint64_t size;		/* as the footer has it; of a raw disk: its own */
	bool diff;
	bool empty;
};

static int look(const char *path, struct facts *out, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	uint64_t blocks = 0;
	int rc = vhd_open(path, &alone, &img, err);

	if (rc)
		return rc;
	rc = vhd_layer_info(img, 0, &info, err);
	if (!rc && info.type == VHD_TYPE_DIFF)
		rc = vhd_xen_used(img, NULL, &blocks, err);
	*out = (struct facts){
		.size = info.vhd.current_size,
		.diff = info.type == VHD_TYPE_DIFF,
		.empty = info.type == VHD_TYPE_DIFF && !blocks,
	};
	vhd_close(&img, NULL);
	return rc;
}

static int look_raw(const char *path, struct facts *out, struct vhd_error *err)
{
	struct vhd_open_opts opts = alone;
	struct vhd_image *img = NULL;
	int rc;

	opts.format = VHD_FORMAT_RAW;
	rc = vhd_open(path, &opts, &img, err);
	if (rc)
		return rc;
	*out = (struct facts){ .size = vhd_size(img) };
	vhd_close(&img, NULL);
	return 0;
}

static int put(const char *name, char *buf, size_t room, struct vhd_error *err)
{
	size_t len = strlen(name);

	if (len >= room)
		return vhd_fail(err, VHD_E_RANGE, "the name of the image has "
				"%zu bytes", len);
	memcpy(buf, name, len + 1);
	return 0;
}

/* From an empty image at @buf one step down, if that is as it should be. */
static int step_down(uint64_t size, char *buf, size_t room, struct facts *f,
		     bool *raw, struct vhd_error *err)
{
	char next[PATH_MAX];
	int rc = vhd_xen_parent(buf, next, sizeof(next), raw, err);

	if (!rc)
		rc = *raw ? look_raw(next, f, err) : look(next, f, err);
	if (rc)
		return rc;
	if (f->size > size) {
		/* A child that hides what is at the end stays in between. */
		*raw = false;
		f->empty = false;
		return 0;
	}
	return put(next, buf, room, err);
}

int vhd_xen_base(const char *path, char *buf, size_t room, bool *raw_out,
		 struct vhd_error *err)
{
	struct facts f = { 0 };
	bool raw = false;
	uint64_t size;
	int rc;

	if (!path || !buf)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = put(path, buf, room, err);
	if (!rc)
		rc = look(path, &f, err);
	size = f.size;
	for (int i = 0; !rc && f.empty; i++) {
		if (i == CHAIN_MAX)
			rc = vhd_fail(err, VHD_E_INVAL, "there are more than "
				      "%d empty images in a row, or a circle "
				      "of them", i);
		else
			rc = step_down(size, buf, room, &f, &raw, err);
	}
	if (!rc && raw_out)
		*raw_out = raw;
	return rc;
}

/*
 * A new image in the place of one that it depends on would depend on itself.
 * What is recorded further down and cannot be found is nothing to depend on.
 */
static int spare_chain(const char *path, const char *parent, bool raw,
		       struct vhd_error *err)
{
	struct vhd_file_id target, id;
	char at[PATH_MAX], next[PATH_MAX];
	int rc = put(parent, at, sizeof(at), err);

	vhd_path_file_id(path, &target);
	for (int i = 0; !rc && target.known && i < CHAIN_MAX; i++) {
		vhd_path_file_id(at, &id);
		if (vhd_file_id_same(&id, &target))
			return vhd_fail(err, VHD_E_INVAL, "the snapshot would "
					"take the place of %s, which it "
					"depends on", at);
		if (raw || vhd_xen_parent(at, next, sizeof(next), &raw, NULL))
			break;
		memcpy(at, next, sizeof(at));
	}
	return rc;
}

static uint64_t room_of(const struct vhd_xen_snapshot_opts *opts)
{
	uint64_t room = opts->room_size;

	return room <= UINT64_MAX - BLOCK ? align_up(room, BLOCK) : room;
}

static int check_room(const struct facts *parent,
		      const struct vhd_xen_snapshot_opts *opts,
		      struct vhd_error *err)
{
	uint64_t room = room_of(opts);

	if (!room || room >= parent->size)
		return 0;
	return vhd_fail(err, VHD_E_INVAL, "room for a disk of %" PRIu64
			" bytes is too little for a child of one of %" PRIu64,
			room, parent->size);
}

static int make(const char *path, const char *base, bool raw,
		const struct facts *f,
		const struct vhd_xen_snapshot_opts *opts, struct vhd_error *err)
{
	struct vhd_create_opts create = VHD_CREATE_OPTS_INIT;

	create.flags = VHD_CREATE_FORCE | VHD_CREATE_ORPHAN |
		       VHD_CREATE_EXACT_SIZE | VHD_CREATE_DEVICE;
	if (raw)
		create.flags |= VHD_CREATE_RAW_PARENT;
	create.format = VHD_FORMAT_VHD;
	create.type = VHD_TYPE_DIFF;
	create.target = VHD_TARGET_XEN;
	create.virtual_size = f->size;
	create.room_size = room_of(opts);
	create.parent = base;
	create.open = &alone;
	return vhd_create(path, &create, err);
}

int vhd_xen_snapshot(const char *path, const char *parent,
		     const struct vhd_xen_snapshot_opts *opts,
		     struct vhd_error *err)
{
	const uint32_t known = VHD_XEN_KEEP_EMPTY | VHD_XEN_RAW_PARENT;
	struct vhd_xen_snapshot_opts how;
	struct facts f = { 0 };
	char base[PATH_MAX];
	bool raw;
	int rc;

	if (!path || !parent)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = VHD_OPTS_COPY(vhd_xen_snapshot_opts, room_size, opts, &how, err);
	if (!rc)
		rc = vhd_flags_check(how.flags, known, "flags", err);
	if (rc)
		return rc;
	raw = how.flags & VHD_XEN_RAW_PARENT;
	rc = raw ? look_raw(parent, &f, err) : look(parent, &f, err);
	if (!rc)
		rc = check_room(&f, &how, err);
	if (!rc)
		rc = spare_chain(path, parent, raw, err);
	if (rc)
		return vhd_err_file(err, rc, parent);
	if (raw || how.flags & VHD_XEN_KEEP_EMPTY)
		rc = put(parent, base, sizeof(base), err);
	else
		rc = vhd_xen_base(parent, base, sizeof(base), &raw, err);
	return rc ? rc : make(path, base, raw, &f, &how, err);
}
