/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chain, flattened into a new file.  That is a conversion, but for an encrypted
 * disk: who has the key deciphers every sector that is marked and no other, so
 * the marks have to be the chain's own, and zeros are bytes like all others.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "ops/fill.h"
#include "ops/merge_copy.h"
#include "vhd1/vhd1_write.h"
#include "xen/xen_coalesce.h"

static struct vhd_create_opts create_opts(void)
{
	return (struct vhd_create_opts){
		.size = sizeof(struct vhd_create_opts),
		.flags = VHD_CREATE_EXACT_SIZE,
		.format = VHD_FORMAT_VHD,
		.type = VHD_TYPE_DYNAMIC,
		.target = VHD_TARGET_XEN,
	};
}

static int flatten_plain(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd_convert_opts opts = VHD_CONVERT_OPTS_INIT;
	struct vhd_convert_result result = { 0 };
	int rc;

	opts.create = create_opts();
	opts.threads = c->opts.threads;
	opts.progress = c->opts.progress;
	opts.progress_arg = c->opts.progress_arg;
	rc = vhd_convert(c->child, c->into_path, &opts, &result, err);
	c->sectors = div_ceil(result.data_bytes, 512);
	return rc;
}

/* A VHD's zeros are what nobody has marked. */
static int look(void *chain, uint64_t off, uint64_t len, struct vhd_run *run,
		uint32_t *layer, struct vhd_error *err)
{
	struct vhd_image *img = chain;
	int rc = vhd_image_upper_run(img, img->count, off, len, run, layer,
				     err);

	if (!rc && run->kind == VHD_RUN_ZERO)
		run->kind = VHD_RUN_PARENT;
	return rc;
}

static int show_full(struct vhd_image *img, struct vhd_error *err)
{
	struct vhd1 *v = img->layers[0].eng;
	uint64_t count = vhd1_block_count(v);
	int rc = 0;

	for (uint64_t blk = 0; !rc && blk < count; blk++)
		rc = vhd1_show_full(v, blk, err);
	return rc;
}

static int flatten_marked(struct vhd_coalesce *c, struct vhd_filling *to,
			  struct vhd_error *err)
{
	struct vhd_merge_copy m = {
		.up = c->child,
		.layers = c->child->count,
		.into = to->img,
		.threads = c->opts.threads,
		.exact = true,
		.look = look,
		.look_arg = c->child,
		.progress = c->opts.progress,
		.progress_arg = c->opts.progress_arg,
	};
	int rc = vhd_merge_copy_run(&m, err);

	if (!rc)
		rc = show_full(to->img, err);
	c->sectors = div_ceil(m.data_bytes + m.zero_bytes, 512);
	return rc ? rc : vhd_filling_commit(to, err);
}

static int flatten_cipher(struct vhd_coalesce *c, const struct vhd_info *info,
			  struct vhd_error *err)
{
	const struct vhd_open_opts how = {
		.size = sizeof(how),
		.flags = VHD_OPEN_CIPHERTEXT | VHD_OPEN_EXACT,
	};
	struct vhd_create_opts create = create_opts();
	struct vhd_filling to = { 0 };
	int rc;

	create.virtual_size = info->virtual_size;
	create.key_hash = &info->key;
	create.open = &how;
	rc = vhd_filling_open(c->into_path, &create, NULL, &to, err);
	if (!rc)
		rc = flatten_marked(c, &to, err);
	vhd_filling_close(&to);
	return rc;
}

int vhd_coalesce_new(struct vhd_coalesce *c, struct vhd_error *err)
{
	struct vhd_open_opts open = c->open;
	struct vhd_info info = { .size = sizeof(info) };
	int rc;

	open.flags |= VHD_OPEN_CIPHERTEXT;
	rc = vhd_open(c->path, &open, &c->child, err);
	if (!rc)
		rc = vhd_layer_info(c->child, 0, &info, err);
	if (!rc)
		rc = info.vhd.has_keyhash ? flatten_cipher(c, &info, err)
					  : flatten_plain(c, err);
	vhd_close(&c->child, NULL);
	return rc;
}
