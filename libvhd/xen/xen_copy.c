/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "ops/fill.h"
#include "vhd/write.h"
#include "vhd/xen.h"
#include "vhd1/vhd1_write.h"
#include "xen/xen_blocks.h"

struct copying {
	struct vhd_image *src;
	struct vhd_info info;
	struct vhd_filling to;
	struct vhd_xen_copy_opts opts;
	uint8_t *buf;
};

static int check_source(const struct copying *c, struct vhd_error *err)
{
	if (c->info.type != VHD_TYPE_DYNAMIC)
		return vhd_fail(err, VHD_E_INVAL, "only a dynamic disk can be "
				"copied, and this is a %s one",
				vhd_type_name(c->info.type));
	if (c->info.vhd.has_keyhash && c->opts.cipher)
		return vhd_fail(err, VHD_E_INVAL, "the disk is encrypted "
				"already");
	return 0;
}

static int open_source(struct copying *c, const char *path,
		       struct vhd_error *err)
{
	static const struct vhd_open_opts how = {
		.size = sizeof(how),
		.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT |
			 VHD_OPEN_CIPHERTEXT,
		.format = VHD_FORMAT_VHD,
	};
	int rc = vhd_open(path, &how, &c->src, err);

	c->info.size = sizeof(c->info);
	if (!rc)
		rc = vhd_layer_info(c->src, 0, &c->info, err);
	if (!rc)
		rc = vhd_err_file(err, check_source(c, err), path);
	return rc;
}

static int open_target(struct copying *c, const char *dst,
		       struct vhd_error *err)
{
	static const struct vhd_open_opts how = {
		.size = sizeof(how),
		.flags = VHD_OPEN_CIPHERTEXT | VHD_OPEN_EXACT,
	};
	struct vhd_create_opts create = {
		.size = sizeof(create),
		.flags = VHD_CREATE_EXACT_SIZE,
		.format = VHD_FORMAT_VHD,
		.type = VHD_TYPE_DYNAMIC,
		.target = VHD_TARGET_XEN,
		.virtual_size = c->info.virtual_size,
		.key_hash = c->opts.key_hash,
		.open = &how,
	};

	/* What is copied as it is needs the key that it needed. */
	if (!create.key_hash && c->info.vhd.has_keyhash)
		create.key_hash = &c->info.key;
	return vhd_filling_open(dst, &create, NULL, &c->to, err);
}

static int copy_block(void *arg, uint64_t off, size_t len,
		      struct vhd_error *err)
{
	struct copying *c = arg;
	struct vhd1 *to = c->to.img->layers[0].eng;
	int rc = vhd_pread(c->src, c->buf, len, off, err);

	if (rc)
		return rc;
	if (c->opts.cipher)
		c->opts.cipher(c->opts.cipher_arg, off / 512, c->buf, len);
	rc = vhd_pwrite(c->to.img, c->buf, len, off, err);
	return rc ? rc : vhd1_show_full(to, (off + len - 1) >> to->block_shift,
					err);
}

int vhd_xen_copy(const char *path, const char *dst,
		 const struct vhd_xen_copy_opts *opts, struct vhd_error *err)
{
	struct copying c = { .src = NULL };
	int rc;

	if (!path || !dst)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = VHD_OPTS_COPY(vhd_xen_copy_opts, key_hash, opts, &c.opts, err);
	if (!rc)
		rc = vhd_flags_check(c.opts.flags, 0, "flags", err);
	if (!rc)
		rc = open_source(&c, path, err);
	if (!rc)
		rc = open_target(&c, dst, err);
	if (!rc) {
		/* Block sizes end at 256 MiB: vhd1_header_load(). */
		c.buf = vhd_alloc((size_t)c.info.block_size);
		rc = c.buf ? 0 : vhd_fail_nomem(err);
	}
	if (!rc)
		rc = vhd_xen_blocks(c.src, copy_block, &c, err);
	if (!rc)
		rc = vhd_filling_commit(&c.to, err);
	vhd_free(c.buf);
	vhd_filling_close(&c.to);
	vhd_close(&c.src, NULL);
	return rc;
}
