/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/chain_model.h"

static void create(struct chain_model *m, int layer, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.parent = parent;
	o.virtual_size = m->size[layer];
	o.block_size = m->block;
	o.flags = VHD_CREATE_NO_SYNC;
	if (vhd_create(m->path[layer], &o, &err))
		ck_abort_msg("create %s: %s", m->path[layer], err.msg);
}

static int add(struct chain_model *m, const char *name, size_t size)
{
	char file[64], path[512];

	ck_assert_int_lt(m->depth, CHAIN_MODEL_MAX);
	snprintf(file, sizeof(file), "%s.%s", name, m->ext);
	tempdir_name(&m->dir, file, path);
	memcpy(m->path[m->depth], path, sizeof(path));
	m->size[m->depth] = size;
	m->disk[m->depth] = calloc(1, size);
	ck_assert_ptr_nonnull(m->disk[m->depth]);
	return m->depth++;
}

void chain_model_make(struct chain_model *m, const char *ext, uint64_t block,
		      size_t size, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	tempdir_make(&m->dir);
	m->ext = ext;
	m->block = block;
	m->seed = seed;
	create(m, add(m, "base", size), NULL);
}

void chain_model_free(struct chain_model *m)
{
	for (int i = 0; i < m->depth; i++)
		free(m->disk[i]);
	tempdir_remove(&m->dir);
}

int chain_model_child(struct chain_model *m, int parent, const char *name,
		      size_t grow)
{
	int i = add(m, name, m->size[parent] + grow);

	memcpy(m->disk[i], m->disk[parent], m->size[parent]);
	create(m, i, m->path[parent]);
	return i;
}

struct vhd_image *chain_model_open(const struct chain_model *m, int layer,
				   uint32_t flags)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = flags;
	if (vhd_open(m->path[layer], &o, &img, &err))
		ck_abort_msg("open %s: %s", m->path[layer], err.msg);
	return img;
}

/* Whole sectors, of all sizes up to 300 KiB. */
static void scribble(struct chain_model *m, int layer, struct vhd_image *img)
{
	size_t size = m->size[layer];
	size_t sectors = (size_t)base_rand_below(
		&m->seed, (uint64_t)1 << base_rand_below(&m->seed, 10));
	size_t len = (sectors + 1) * 512;
	size_t off = (size_t)base_rand_below(&m->seed, size / 512) * 512;
	uint8_t *at = m->disk[layer] + off;
	struct vhd_error err = { .code = 0 };
	int rc;

	if (len > size - off)
		len = size - off;
	if (base_rand_below(&m->seed, 4)) {
		base_rand_fill(&m->seed, at, len);
		rc = vhd_pwrite(img, at, len, off, &err);
	} else {
		memset(at, 0, len);
		rc = vhd_write_zeroes(img, off, len, 0, &err);
	}
	if (rc)
		ck_abort_msg("write: %s", err.msg);
}

void chain_model_scribble(struct chain_model *m, int layer, int count)
{
	struct vhd_image *img = chain_model_open(m, layer, VHD_OPEN_RDWR);
	struct vhd_error err = { .code = 0 };

	while (count--)
		scribble(m, layer, img);
	if (vhd_close(&img, &err))
		ck_abort_msg("close: %s", err.msg);
}

void chain_model_expect(struct vhd_image *img, const uint8_t *want,
			size_t size)
{
	uint8_t *have = malloc(65536);
	uint64_t off = 0;

	ck_assert_ptr_nonnull(have);
	ck_assert_uint_ge(vhd_size(img), size);
	while (off < vhd_size(img)) {
		uint64_t end = off < size ? size : vhd_size(img);
		size_t n = end - off < 65536 ? (size_t)(end - off) : 65536;
		struct vhd_error err;

		if (vhd_pread(img, have, n, off, &err))
			ck_abort_msg("read: %s", err.msg);
		for (size_t i = 0; i < n; i++) {
			uint8_t byte = off < size ? want[off + i] : 0;

			if (have[i] != byte)
				ck_abort_msg("byte %#jx is %u, not %u",
					     (uintmax_t)(off + i), have[i],
					     byte);
		}
		off += n;
	}
	free(have);
}
