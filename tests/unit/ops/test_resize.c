/* SPDX-License-Identifier: BSD-2-Clause */
/* Random resizes of every kind of image, against a model. */
#include "resize_scene.h"

#include "support/check_main.h"

#define HALF (512 * MIB)

static const struct scene_kind kinds[] = {
	{ VHD_FORMAT_RAW, VHD_TYPE_FIXED, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_FIXED, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_FIXED, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_FIXED, 2 * MIB, 4096, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 512 * KIB, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 0, 0, VHD_TARGET_XEN },
	{ VHD_FORMAT_VHD, VHD_TYPE_DIFF, 0, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHD, VHD_TYPE_DIFF, 512 * KIB, 0, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 32 * MIB, 4096,
	  VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DIFF, MIB, 512, VHD_TARGET_NONE },
	{ VHD_FORMAT_VHDX, VHD_TYPE_DIFF, 2 * MIB, 4096, VHD_TARGET_NONE },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), FIXED_KINDS = 4, SEEDS = 4,
       STEPS = 6 };

/*
 * Borders: of sectors, blocks, sectors of a VHD's table (128 entries), pages of a
 * VHDX's (512), chunks (4 GiB with sectors of 512 bytes), and of the table's
 * own room (128 Ki entries in a MiB).
 */
static const uint64_t borders[] = {
	4096, MIB, 2 * MIB, 6 * MIB, 20 * MIB, 64 * MIB, 256 * MIB, HALF,
	GIB, 4 * GIB, 9 * GIB, 36 * GIB, 130 * GIB,
};
enum { BORDERS = sizeof(borders) / sizeof(borders[0]), SMALL_BORDERS = 5 };

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint64_t some_size(const struct scene_kind *k, uint32_t *rng)
{
	bool fixed = k->type == VHD_TYPE_FIXED;
	uint32_t sector = k->sector ? k->sector : 512;
	uint64_t size = borders[next(rng) % (fixed ? SMALL_BORDERS : BORDERS)];

	switch (next(rng) % 4) {
	case 0:
		return size + sector;
	case 1:
		return size > sector ? size - sector : size;
	case 2:
		return size + 3 * MIB + 17 * (uint64_t)sector;
	default:
		return size;
	}
}

static uint64_t size_of(const char *path)
{
	struct vhd_image *img = scene_open(path, 0);
	uint64_t size = vhd_size(img);

	vhd_close(&img, NULL);
	return size;
}

/* Somewhere, or at the end, or over a border inside of the disk. */
static void write_some(struct scene *s, uint32_t *rng)
{
	uint64_t size = size_of(s->path), len, off;

	len = 1 + next(rng) % 70000;
	if (len > size)
		len = size;
	off = next(rng) % 3 ? size - len :
	      borders[next(rng) % BORDERS] - len / 2;
	if (off > size - len)
		off = next(rng) % (size - len + 1);
	scene_write(s, s->path, off, len, (uint8_t)('a' + next(rng) % 26));
}

START_TEST(resize__disks_are_what_they_were_and_zeros)
{
	const struct scene_kind *k = &kinds[_i % KINDS];
	uint32_t rng = (uint32_t)_i / KINDS + 1;
	uint64_t below = some_size(k, &rng);
	struct scene *s = scene_new(k, some_size(k, &rng), below);

	for (int step = 0; step < STEPS; step++) {
		write_some(s, &rng);
		write_some(s, &rng);
		scene_resized(s, some_size(k, &rng));
		/* Grown again at once: nothing comes back. */
		if (next(&rng) % 2)
			scene_resized(s, some_size(k, &rng));
	}
	scene_free(s);
}
END_TEST

/* VHD-D-6, VHDX-RSZ-04: the parent is larger than the child has ever been. */
START_TEST(resize__what_a_parent_has_behind_the_end_stays_hidden)
{
	const struct scene_kind *k = &kinds[_i];
	struct scene *s;

	if (k->type != VHD_TYPE_DIFF)
		return;
	s = scene_new(k, 5 * MIB + 4096, 12 * MIB + 4096);
	scene_resized(s, 20 * MIB);
	scene_write(s, s->path, 13 * MIB, 4096, 'x');
	scene_resized(s, 12 * MIB);
	scene_resized(s, MIB / 2);
	scene_resized(s, 30 * MIB);
	scene_free(s);
}
END_TEST

TEST_MAIN_ROWS("ops/resize",
	LOOP(resize__disks_are_what_they_were_and_zeros, KINDS * SEEDS),
	LOOP(resize__what_a_parent_has_behind_the_end_stays_hidden, KINDS))
