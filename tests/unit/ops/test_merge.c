/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains at random, merged from any layer into any below it, and interrupted:
 * VHD-D-5, VHD-D-6, VHD-D-11; VHDX-MRG-02 to VHDX-MRG-06, VHDX-PAR-11.
 */
#include "merge_scene.h"

enum { LAYERS = 6 };

struct chain {
	uint64_t rng;
	bool vhdx, raw;
	uint32_t sector;
	uint32_t count;			/* [0] is the root */
	char path[LAYERS][PATH_ROOM];
	uint64_t size[LAYERS];
	uint8_t *disk[LAYERS];		/* what each showed when it was made */
};

static uint64_t below(struct chain *c, uint64_t n)
{
	return base_rand_below(&c->rng, n);
}

/* A guest at work: runs of bytes, of any length, zeros, discards. */
static void work(struct chain *c, struct vhd_image *img, unsigned steps)
{
	static uint8_t buf[300 * 1024];
	uint64_t size = vhd_size(img);
	struct vhd_error err;

	while (steps--) {
		uint64_t len = 1 + below(c, below(c, 3) ? 9000 : sizeof(buf));
		uint64_t off = below(c, size);
		int how = (int)below(c, 10);

		len = len < size - off ? len : size - off;
		if (how < 7) {
			base_rand_fill(&c->rng, buf, len);
			need(vhd_pwrite(img, buf, len, off, &err), &err,
			     "write");
			continue;
		}
		len = below(c, 4 * MIB);
		len = len < size - off ? len : size - off;
		if (how < 9)
			need(vhd_write_zeroes(img, off, len, 0, &err), &err,
			     "zero");
		else
			need(vhd_discard(img, off, len, &err), &err,
			     "discard");
	}
}

static uint64_t block_size(struct chain *c)
{
	static const uint64_t vhd[] = { 4 * KIB, 64 * KIB, 512 * KIB,
					2 * MIB };

	if (c->raw)
		return 0;
	return c->vhdx ? MIB << below(c, 2) : vhd[below(c, 4)];
}

static void make_layer(struct chain *c, uint32_t n)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	bool raw = c->raw && !n;
	struct vhd_image *img;
	struct vhd_error err;
	char name[32];

	snprintf(name, sizeof(name), "l%u.%s", (unsigned int)n,
		 raw ? "raw" : c->vhdx ? "vhdx" : "vhd");
	tempdir_name(&dir, name, c->path[n]);
	o.flags = VHD_CREATE_NO_SYNC;
	o.virtual_size = n ? c->size[n - 1] : 5 * MIB + below(c, 900) * 4096;
	if (n && below(c, 3) == 0)
		o.virtual_size += below(c, 500) * 4096;
	c->size[n] = o.virtual_size;
	o.logical_sector = c->sector;
	o.parent = n ? c->path[n - 1] : NULL;
	o.target = c->raw && n ? VHD_TARGET_XEN : VHD_TARGET_NONE;
	o.type = n || raw || below(c, 2) ? VHD_TYPE_DEFAULT : VHD_TYPE_FIXED;
	if (o.type != VHD_TYPE_FIXED || c->vhdx)
		o.block_size = block_size(c);
	need(vhd_create(c->path[n], &o, &err), &err, "create");
	img = open_image(c->path[n], VHD_OPEN_RDWR |
			 (raw ? VHD_OPEN_ALLOW_RAW : 0));
	work(c, img, 3 + (unsigned)below(c, 14));
	close_image(img);
	c->disk[n] = read_disk(c->path[n], &c->size[n]);
}

static void make_chain(struct chain *c, int seed)
{
	memset(c, 0, sizeof(*c));
	c->rng = (uint64_t)seed * 77 + 13;
	tempdir_make(&dir);
	c->vhdx = seed % 2;
	c->raw = !c->vhdx && below(c, 4) == 0;
	c->sector = c->vhdx && below(c, 3) == 0 ? 4096 : 512;
	c->count = 2 + (uint32_t)below(c, LAYERS - 1);
	for (uint32_t i = 0; i < c->count; i++)
		make_layer(c, i);
}

static void drop_chain(struct chain *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		free(c->disk[i]);
	tempdir_remove(&dir);
}

static void shows(const struct chain *c, const char *path, uint32_t layer)
{
	uint64_t size;
	uint8_t *disk = read_disk(path, &size);

	ck_assert_uint_eq(size, c->size[layer]);
	for (uint64_t i = 0; i < size; i++) {
		if (disk[i] != c->disk[layer][i])
			ck_abort_msg("%s: byte 0x%llx differs from layer %u",
				     path, (unsigned long long)i,
				     (unsigned int)layer);
	}
	free(disk);
}

/* While an ancestor that has grown is worked on, layers between are smaller. */
static bool only_larger(const struct vhd_finding *f)
{
	return !strcmp(f->rule->name, "VHD1_PARENT_LARGER");
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	const bool *during = arg;

	if (f->rule->severity >= VHD_SEV_ERROR && !(*during && only_larger(f)))
		ck_abort_msg("%s: %s", f->file, f->msg);
}

static void is_sound(const char *path, bool during)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result r;
	struct vhd_error err;

	o.flags = VHD_CHECK_CHAIN | VHD_CHECK_DEEP;
	o.finding = on_finding;
	o.finding_arg = &during;
	need(vhd_check(path, &o, &r, &err), &err, "check");
}

static int merge(const struct chain *c, uint32_t from, uint32_t to,
		 uint32_t flags, struct patience *p,
		 struct vhd_merge_result *r, struct vhd_error *err)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;

	o.flags = flags;
	o.into = c->path[to];
	o.progress = p ? lose_patience : NULL;
	o.progress_arg = p;
	return vhd_merge(c->path[from], &o, r, err);
}

static void merged(struct chain *c, uint32_t from, uint32_t to,
		   uint32_t flags)
{
	bool told = !(flags & VHD_MERGE_KEEP_ID) && !(c->raw && !to);
	char mark[PATH_ROOM + 8];

	shows(c, c->path[to], from);
	if (!(c->raw && !to))
		is_sound(c->path[to], false);
	for (uint32_t i = from + 1; i < c->count; i++) {
		shows(c, c->path[i], i);
		is_sound(c->path[i], false);
	}
	for (uint32_t i = to + 1; i <= from; i++) {
		if (flags & VHD_MERGE_DELETE)
			ck_assert_int_ne(access(c->path[i], F_OK), 0);
		else if (told)
			ck_assert_int_eq(status_of_open(c->path[i]),
					 VHD_E_PARENT);
	}
	snprintf(mark, sizeof(mark), "%s.merge", c->path[to]);
	/* Where nothing else tells that the layers are spent, it does. */
	ck_assert(!access(mark, F_OK) ==
		  (!told && !(flags & VHD_MERGE_DELETE)));
}

static uint32_t draw_flags(struct chain *c)
{
	uint32_t flags = below(c, 2) ? VHD_MERGE_DELETE : 0;

	if (!c->vhdx && below(c, 4) == 0)
		flags |= VHD_MERGE_KEEP_ID;
	return flags;
}

START_TEST(merge__any_layers_of_any_chain)
{
	struct vhd_merge_result r;
	struct vhd_error err;
	struct chain c;
	uint32_t from, to, flags;

	make_chain(&c, _i);
	from = 1 + (uint32_t)below(&c, c.count - 1);
	to = (uint32_t)below(&c, from);
	flags = draw_flags(&c);
	need(merge(&c, from, to, flags, NULL, &r, &err), &err, "merge");
	ck_assert_uint_eq(r.layers, from - to);
	ck_assert_uint_eq(r.relinked, from + 1 < c.count);
	merged(&c, from, to, flags);
	drop_chain(&c);
}
END_TEST

START_TEST(merge__interrupted_goes_on)
{
	struct vhd_merge_result r;
	struct vhd_error err;
	struct chain c;
	uint32_t from, to, flags;
	int rc = VHD_E_CANCELLED;

	make_chain(&c, 1000 + _i);
	from = 1 + (uint32_t)below(&c, c.count - 1);
	to = (uint32_t)below(&c, from);
	flags = draw_flags(&c);
	for (unsigned int i = 0; rc && i < 4; i++) {
		struct patience p = { below(&c, 14) };

		rc = merge(&c, from, to, flags, &p, &r, &err);
		if (!rc)
			break;
		if (rc != VHD_E_CANCELLED)
			need(rc, &err, "merge");
		for (uint32_t k = from; k < c.count; k++) {
			shows(&c, c.path[k], k);
			is_sound(c.path[k], true);
		}
	}
	if (rc)
		need(merge(&c, from, to, flags, NULL, &r, &err), &err, "last");
	merged(&c, from, to, flags);
	drop_chain(&c);
}
END_TEST

START_TEST(merge__a_plan_changes_nothing)
{
	struct vhd_merge_result r;
	struct vhd_error err;
	struct chain c;

	make_chain(&c, 2000 + _i);
	need(merge(&c, c.count - 1, 0,
		   VHD_CHANGE_DRY_RUN | VHD_MERGE_DELETE, NULL, &r, &err),
	     &err, "plan");
	ck_assert_uint_eq(r.layers, c.count - 1);
	ck_assert_uint_eq(r.removed, c.count - 1);
	for (uint32_t i = 0; i < c.count; i++)
		shows(&c, c.path[i], i);
	ck_assert_int_eq(tempdir_entries(&dir), (int)c.count);
	drop_chain(&c);
}
END_TEST

START_TEST(merge_new__shows_the_same)
{
	struct vhd_merge_opts o = VHD_MERGE_OPTS_INIT;
	struct vhd_merge_result r;
	struct vhd_error err;
	struct chain c;
	char path[PATH_ROOM];
	uint32_t from, to;

	make_chain(&c, 3000 + _i);
	from = 1 + (uint32_t)below(&c, c.count - 1);
	to = (uint32_t)below(&c, from);
	o.into = c.path[to];
	tempdir_name(&dir, c.vhdx ? "new.vhdx" : "new.vhd", path);
	need(vhd_merge_new(c.path[from], path, NULL, &o, &r, &err), &err,
	     "new");
	shows(&c, path, from);
	is_sound(path, false);
	for (uint32_t i = 0; i < c.count; i++)
		shows(&c, c.path[i], i);
	/* No file of the chain goes: what asks for that is not for here. */
	o.flags = VHD_MERGE_DELETE;
	ck_assert_int_eq(vhd_merge_new(c.path[from], path, NULL, &o, NULL,
				       NULL), VHD_E_INVAL);
	drop_chain(&c);
}
END_TEST

TEST_MAIN_ROWS("ops/merge",
	LOOP(merge__any_layers_of_any_chain, 30),
	LOOP(merge__interrupted_goes_on, 20),
	LOOP(merge__a_plan_changes_nothing, 4),
	LOOP(merge_new__shows_the_same, 14))
