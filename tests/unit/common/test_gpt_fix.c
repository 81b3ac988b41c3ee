/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "common/gpt_fix.h"
#include "ptable_scene.h"
#include "support/check_main.h"

static const uint32_t sectors[] = { 512, 4096 };

/*
 * A disk that counts what is written.  The first @stop_at writes reach it;
 * afterwards the power is gone.
 */
struct rig {
	struct scene *sc;
	struct gpt_disk disk;
	unsigned writes, stop_at, flushes;
	bool outside;
};

static int rig_read(void *arg, void *buf, size_t len, uint64_t off)
{
	struct rig *r = arg;

	return pdisk_read(&r->sc->d, buf, len, off);
}

static int rig_write(void *arg, const void *buf, size_t len, uint64_t off)
{
	struct rig *r = arg;

	if (!len || len > r->sc->d.size || off > r->sc->d.size - len)
		r->outside = true;
	if (++r->writes > r->stop_at)
		return -EIO;
	pdisk_put(&r->sc->d, off, buf, len);
	return 0;
}

static int rig_flush(void *arg)
{
	struct rig *r = arg;

	r->flushes++;
	return r->writes > r->stop_at ? -EIO : 0;
}

static struct rig *rig_new(uint64_t size, uint32_t sector)
{
	struct rig *r = calloc(1, sizeof(*r));

	ck_assert_ptr_nonnull(r);
	r->sc = scene_new(size);
	r->stop_at = UINT32_MAX;
	r->disk = (struct gpt_disk){ rig_read, rig_write, rig_flush, r, size,
				     sector };
	pdisk_gpt(&r->sc->d, sector, PDISK_PRIMARY | PDISK_BACKUP);
	pdisk_gpt_part(&r->sc->d, sector, 0, 64, 127, "one");
	pdisk_gpt_part(&r->sc->d, sector, 1, 200, 399, "two");
	pdisk_reseal(&r->sc->d);
	return r;
}

static void rig_free(struct rig *r)
{
	ck_assert(!r->outside);
	scene_free(r->sc);
	free(r);
}

static struct gpt_fix *load(struct rig *r)
{
	struct gpt_fix *fix = NULL;

	ck_assert_int_eq(gpt_fix_load(&r->disk, &fix), 0);
	return fix;
}

/* The disk is @size bytes from here on. */
static void set_size(struct rig *r, uint64_t size)
{
	r->sc->d.size = size;
	r->disk.size = size;
}

/* Both partitions, and a backup that is right by itself. */
static void sound(struct rig *r, uint64_t size)
{
	uint8_t no_header[8] = { 0 }, kept[8], mbr[4];
	uint32_t sector = r->disk.sector;
	uint64_t count = size / sector - 1;

	set_size(r, size);
	scene_read(r->sc, sector);
	ck_assert_int_eq(r->sc->t.kind, PTABLE_GPT);
	ck_assert(!r->sc->t.backup);
	scene_has(r->sc, 0, 1, 64, 64);
	scene_has(r->sc, 1, 2, 200, 200);
	pdisk_get(&r->sc->d, 446 + 12, mbr, 4);
	ck_assert_uint_eq((uint32_t)mbr[0] | (uint32_t)mbr[1] << 8 |
			  (uint32_t)mbr[2] << 16 | (uint32_t)mbr[3] << 24,
			  count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
	pdisk_get(&r->sc->d, sector, kept, sizeof(kept));
	pdisk_put(&r->sc->d, sector, no_header, sizeof(no_header));
	scene_read(r->sc, sector);
	ck_assert_int_eq(r->sc->t.kind, PTABLE_GPT);
	ck_assert(r->sc->t.backup);
	ck_assert_uint_eq(r->sc->t.count, 2);
	pdisk_put(&r->sc->d, sector, kept, sizeof(kept));
}

static void zeros(struct rig *r, uint64_t from, uint64_t to)
{
	static const uint8_t none[65536];
	static uint8_t buf[65536];

	while (from < to) {
		size_t n = to - from < sizeof(buf) ? (size_t)(to - from) :
						     sizeof(buf);

		pdisk_get(&r->sc->d, from, buf, n);
		/* A ck_assert for each byte takes minutes. */
		if (memcmp(buf, none, n) != 0)
			ck_abort_msg("not zeros, from 0x%llx on",
				     (unsigned long long)from);
		from += n;
	}
}

START_TEST(gpt_fix__a_larger_disk)
{
	struct rig *r = rig_new(SCENE_SIZE, sectors[_i]);
	uint64_t size = 3 * (uint64_t)SCENE_SIZE + 4096;
	struct gpt_fix *fix;

	set_size(r, size);
	fix = load(r);
	ck_assert_uint_eq(gpt_fix_backup_end(fix), SCENE_SIZE);
	ck_assert_int_eq(gpt_fix_needed(fix, size), 1);
	ck_assert_int_eq(gpt_fix_apply(fix, size), 0);
	gpt_fix_free(fix);
	sound(r, size);
	/* The old backup is gone. */
	zeros(r, SCENE_SIZE - 33 * (uint64_t)sectors[_i], SCENE_SIZE);
	fix = load(r);
	ck_assert_int_eq(gpt_fix_needed(fix, size), 0);
	ck_assert_uint_eq(gpt_fix_backup_end(fix), size);
	gpt_fix_free(fix);
	rig_free(r);
}
END_TEST

START_TEST(gpt_fix__a_smaller_disk)
{
	struct rig *r = rig_new(SCENE_SIZE, sectors[_i]);
	uint64_t entries = 16384 / sectors[_i], off, len;
	struct gpt_fix *fix = load(r);
	uint64_t least = gpt_fix_least(fix);

	ck_assert_uint_eq(least, (400 + entries + 1) * sectors[_i]);
	ck_assert_int_eq(gpt_fix_apply(fix, least - sectors[_i]), -EINVAL);
	ck_assert_int_eq(gpt_fix_apply(fix, SCENE_SIZE + 4096), -EINVAL);
	ck_assert_uint_eq(r->writes, 0);
	ck_assert_int_eq(gpt_fix_old(fix, least, &off, &len), 0);
	ck_assert_uint_eq(off + len, SCENE_SIZE);
	ck_assert_uint_eq(len, (entries + 1) * sectors[_i]);
	ck_assert_int_eq(gpt_fix_apply(fix, least), 0);
	gpt_fix_free(fix);
	zeros(r, least, SCENE_SIZE);
	sound(r, least);
	rig_free(r);
}
END_TEST

/* Old and new backup share sectors. */
START_TEST(gpt_fix__by_a_few_sectors)
{
	for (uint64_t by = 1; by < 40; by += 3) {
		struct rig *r = rig_new(SCENE_SIZE, sectors[_i]);
		uint64_t size = SCENE_SIZE - by * sectors[_i];
		struct gpt_fix *fix = load(r);

		ck_assert_int_eq(gpt_fix_apply(fix, size), 0);
		gpt_fix_free(fix);
		zeros(r, size, SCENE_SIZE);
		sound(r, size);
		/* And back. */
		set_size(r, SCENE_SIZE);
		fix = load(r);
		ck_assert_int_eq(gpt_fix_apply(fix, SCENE_SIZE), 0);
		gpt_fix_free(fix);
		sound(r, SCENE_SIZE);
		rig_free(r);
	}
}
END_TEST

/* After each write: the first copy is sound, and a second try finishes. */
START_TEST(gpt_fix__interrupted)
{
	static const uint64_t to[] = { SCENE_SIZE / 2, SCENE_SIZE * 2,
				       SCENE_SIZE - 8192 };
	uint64_t size = to[_i % 3];
	unsigned stop = 0;
	int rc;

	do {
		struct rig *r = rig_new(SCENE_SIZE, sectors[_i / 3]);
		struct gpt_fix *fix;

		if (size > SCENE_SIZE)
			set_size(r, size);
		r->stop_at = stop++;
		fix = load(r);
		rc = gpt_fix_apply(fix, size);
		gpt_fix_free(fix);
		r->stop_at = UINT32_MAX;
		fix = load(r);
		ck_assert_ptr_nonnull(fix);
		ck_assert_int_eq(gpt_fix_apply(fix, size), 0);
		gpt_fix_free(fix);
		if (size < SCENE_SIZE)
			zeros(r, size, SCENE_SIZE);
		sound(r, size);
		rig_free(r);
	} while (rc);
	ck_assert_uint_gt(stop, 4);
}
END_TEST

START_TEST(gpt_fix__needs_a_sound_first_copy)
{
	struct rig *r = rig_new(SCENE_SIZE, sectors[_i]);

	pdisk_put_u8(&r->sc->d, sectors[_i] + 60, 1);
	ck_assert_ptr_null(load(r));
	pdisk_reseal(&r->sc->d);
	/* Its entries. */
	pdisk_put_u8(&r->sc->d, pdisk_gpt_entry(&r->sc->d, sectors[_i],
						PDISK_PRIMARY, 5), 7);
	ck_assert_ptr_null(load(r));
	rig_free(r);
}
END_TEST

/* An entry that leaves the disk: nobody knows what it was. */
START_TEST(gpt_fix__leaves_wrong_entries_alone)
{
	struct rig *r = rig_new(SCENE_SIZE, sectors[_i]);

	pdisk_gpt_part(&r->sc->d, sectors[_i], 2, 500,
		       SCENE_SIZE / sectors[_i], "far");
	pdisk_reseal(&r->sc->d);
	ck_assert_ptr_null(load(r));
	rig_free(r);
}
END_TEST

/* Another disk's table at the end, or one in a partition, is data. */
START_TEST(gpt_fix__wipes_only_its_own)
{
	struct rig *r = rig_new(SCENE_SIZE, 512);
	uint64_t at = pdisk_gpt_header(&r->sc->d, 512, PDISK_BACKUP);
	uint64_t off, len;
	struct gpt_fix *fix;

	pdisk_put_u8(&r->sc->d, at + 56, 0x55);
	pdisk_reseal(&r->sc->d);
	fix = load(r);
	ck_assert_int_eq(gpt_fix_old(fix, SCENE_SIZE / 2, &off, &len), 0);
	ck_assert_uint_eq(len, 0);
	gpt_fix_free(fix);
	rig_free(r);
}
END_TEST

START_TEST(gpt_fix__a_hybrid_mbr_stays)
{
	struct rig *r = rig_new(SCENE_SIZE, 512);
	struct gpt_fix *fix = load(r);
	uint8_t was[512], is[512];

	pdisk_entry(&r->sc->d, 0, 1, 0x83, 64, 64);
	pdisk_get(&r->sc->d, 0, was, sizeof(was));
	ck_assert_int_eq(gpt_fix_apply(fix, SCENE_SIZE / 2), 0);
	pdisk_get(&r->sc->d, 0, is, sizeof(is));
	ck_assert(!memcmp(was, is, sizeof(was)));
	gpt_fix_free(fix);
	rig_free(r);
}
END_TEST

TEST_MAIN_ROWS("common/gpt_fix",
	LOOP(gpt_fix__a_larger_disk, 2),
	LOOP(gpt_fix__a_smaller_disk, 2),
	LOOP(gpt_fix__by_a_few_sectors, 2),
	LOOP(gpt_fix__interrupted, 6),
	LOOP(gpt_fix__needs_a_sound_first_copy, 2),
	LOOP(gpt_fix__leaves_wrong_entries_alone, 2),
	ONCE(gpt_fix__wipes_only_its_own),
	ONCE(gpt_fix__a_hybrid_mbr_stays))
