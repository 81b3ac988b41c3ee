/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "crash/crash_disk.h"
#include "image/change.h"
#include "ops/merge_copy.h"
#include "support/base_rand.h"
#include "xen/xen_coalesce.h"

static bool bad(struct crash_pair *p, const char *what, int rc,
		const struct vhd_error *err)
{
	crash_fail(&p->fail, "%s: %s: %s", what, vhd_status_name(rc),
		   err->msg);
	return false;
}

static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	(void)layer;
	(void)off;
	if (rule->severity >= VHD_SEV_ERROR)
		crash_fail(arg, "opening %s finds %s: %s", file, rule->name,
			   msg);
}

static void on_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	(void)off;
	if (rule->severity >= VHD_SEV_ERROR)
		crash_fail(arg, "check finds %s: %s", rule->name, msg);
}

/* One of the two; the child without its parent. */
static struct vhd_image *open_one(struct crash_pair *p, struct crash_file *f,
				  bool low, bool writable,
				  struct vhd_trace *trace)
{
	const struct vhd_io_ops *ops = writable ? &crash_file_ops
						: &crash_file_ro_ops;
	struct vhd_reporter reporter = { on_report, &p->fail, NULL };
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT, all;
	struct vhd_image *img = NULL;
	struct vhd_io *io = NULL;
	const char *parents[2];
	struct vhd_error err;
	void *h = f;
	int rc;

	crash_disk_opts(low ? &p->low : &p->top, &p->below, writable, &opts,
			parents);
	if (!low) {
		opts.flags |= VHD_OPEN_NO_PARENT;
		opts.parents = NULL;
	}
	if (p->coalesce && writable) {
		opts.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_EXACT;
		opts.parents = NULL;
	}
	CRASH_NEED(!vhd_open_opts_get(&opts, &all, NULL));
	if (trace) {
		h = vhd_record_new(ops, f, trace);
		ops = &vhd_record_ops;
		CRASH_NEED(h);
	}
	CRASH_NEED(!vhd_io_new(ops, h, low ? "ancestor" : "child", &io, NULL));
	rc = vhd_image_open(io, &all, &reporter, 0, &img, &err);
	if (rc)
		bad(p, low ? "the ancestor cannot be opened" :
		    "the child cannot be opened", rc, &err);
	return img;
}

static bool close_one(struct crash_pair *p, struct vhd_image **img)
{
	struct vhd_error err;
	int rc = vhd_close(img, &err);

	return !rc || bad(p, "closing", rc, &err);
}

/* How the two stand to each other. */
struct bond {
	struct vhd_guid low, top;	/* identities */
	struct vhd_guid link[2];	/* what the child records */
	size_t links;
	uint64_t size;			/* of the ancestor's disk */
	bool open;			/* the chain opens */
	bool changes;			/* the ancestor's changes with writes */
	bool second;			/* it has the second identity */
};

static struct bond bond_of(struct vhd_image *low, struct vhd_image *top)
{
	struct bond b = { .low = low->layers[0].id, .top = top->layers[0].id,
			  .size = low->size };
	struct vhd_parent_ref ref = { 0 };

	CRASH_NEED(top->layers[0].ops->parent(top->layers[0].eng, &ref));
	b.changes = low->layers[0].ops->link2;
	for (; b.links < ref.id_count; b.links++) {
		b.link[b.links] = ref.ids[b.links];
		b.open |= vhd_guid_equal(&b.low, &b.link[b.links]);
	}
	b.second = b.links > 1 && vhd_guid_equal(&b.low, &b.link[1]) &&
		   !vhd_guid_equal(&b.low, &b.link[0]);
	return b;
}

static bool look(struct crash_pair *p, const struct crash_two *two,
		 struct bond *b)
{
	struct vhd_image *low = open_one(p, two->low, true, false, NULL);
	struct vhd_image *top = open_one(p, two->top, false, false, NULL);

	if (low && top)
		*b = bond_of(low, top);
	vhd_close(&low, NULL);
	vhd_close(&top, NULL);
	return !crash_failed(&p->fail);
}

static bool link_second(struct crash_pair *p, const struct crash_two *two,
			struct vhd_trace *trace, const struct vhd_guid *id)
{
	struct vhd_image *top = open_one(p, two->top, false, true, trace);
	struct vhd_error err;
	int rc = top ? vhd_image_link2(top, id, &err) : 0;

	if (rc)
		bad(p, "link2", rc, &err);
	return top && close_one(p, &top) && !rc;
}

static bool grow(struct crash_pair *p, const struct crash_two *two,
		 struct vhd_trace *trace, const struct vhd_guid *id)
{
	struct vhd_image *low = open_one(p, two->low, true, true, trace);
	struct vhd_engine_resize req = { .size = p->size };
	struct vhd_error err;
	int rc = 0;

	if (!low)
		return false;
	if (low->count > 1)
		req.below = low->layers[1].size;
	if (id)
		rc = vhd_image_identify(low, id, &err);
	if (!rc)
		rc = vhd_image_resize(low, &req, &err);
	if (rc)
		bad(p, "resize", rc, &err);
	return close_one(p, &low) && !rc;
}

/* Flushes, as between two records of the position. */
static int on_reached(void *arg, uint64_t pos, struct vhd_error *err)
{
	(void)arg;
	(void)pos;
	(void)err;
	return 0;
}

static bool write_low(struct crash_pair *p, const struct crash_two *two,
		      struct vhd_trace *trace, const struct vhd_guid *id,
		      const struct vhd_guid *last)
{
	struct vhd_merge_copy c = {
		.up = open_one(p, two->top, false, false, NULL),
		.layers = 1,
		.into = open_one(p, two->low, true, true, trace),
		.reached = on_reached,
		.every = 200 * KiB,
	};
	struct vhd_error err;
	int rc = 0;

	if (c.up && c.into)
		rc = vhd_merge_write(&c, id, last, &err);
	if (rc)
		bad(p, "merging", rc, &err);
	vhd_close(&c.up, NULL);
	close_one(p, &c.into);
	return !crash_failed(&p->fail);
}

static bool coalesce(struct crash_pair *p, const struct crash_two *two,
		     struct vhd_trace *trace)
{
	struct vhd_coalesce c = {
		.child = open_one(p, two->top, false, false, NULL),
		.into = open_one(p, two->low, true, true, trace),
	};
	struct vhd_error err;
	int rc = 0;

	if (c.child && c.into)
		rc = vhd_coalesce_copy(&c, &err);
	if (rc)
		bad(p, "coalescing", rc, &err);
	vhd_close(&c.child, NULL);
	close_one(p, &c.into);
	return !crash_failed(&p->fail);
}

bool crash_pair_merge(struct crash_pair *p, const struct crash_two *two,
		      struct vhd_trace *top, struct vhd_trace *low)
{
	struct vhd_guid id;
	struct bond b;

	if (p->coalesce)
		return coalesce(p, two, low);
	if (!look(p, two, &b))
		return false;
	if (!b.open)
		return true;
	id = b.low;
	if (b.changes && !b.second) {
		CRASH_NEED(vhd_guid_random(&id));
		if (!link_second(p, two, top, &id))
			return false;
	}
	if (b.size < p->size &&
	    !grow(p, two, low, b.changes ? &id : NULL))
		return false;
	return write_low(p, two, low, b.changes ? &id : NULL, &b.top);
}

static bool same_bytes(struct crash_pair *p, struct vhd_image *img,
		       const char *who)
{
	uint8_t *buf = crash_alloc((size_t)p->size, 1);
	struct vhd_error err;
	uint64_t at = 0;
	int rc;

	if (vhd_size(img) != p->size) {
		crash_fail(&p->fail, "%s has %" PRIu64 " bytes", who,
			   vhd_size(img));
		free(buf);
		return false;
	}
	rc = vhd_pread(img, buf, (size_t)p->size, 0, &err);
	if (rc)
		bad(p, "reading", rc, &err);
	else if (memcmp(buf, p->want, (size_t)p->size)) {
		while (buf[at] == p->want[at])
			at++;
		crash_fail(&p->fail, "%s differs at 0x%" PRIx64, who, at);
	}
	free(buf);
	return !crash_failed(&p->fail);
}

static bool is_sound(struct crash_pair *p, struct vhd_image *img)
{
	struct vhd_layer *layer = &img->layers[0];
	struct vhd_engine_check req = { .sink = { on_finding, &p->fail } };
	struct vhd_error err;
	int rc = layer->ops->check(layer->eng, &req, &err);

	return rc ? bad(p, "check", rc, &err) : !crash_failed(&p->fail);
}

/* The child over the ancestor. */
static bool chain_shows(struct crash_pair *p, struct vhd_image *top,
			struct vhd_image *low)
{
	bool torn = top->torn, ok;

	for (uint32_t i = 0; i < low->count; i++) {
		struct vhd_layer layer = low->layers[i];

		CRASH_NEED(!vhd_image_push(top, &layer, NULL));
	}
	top->torn = false;
	ok = same_bytes(p, top, "the chain");
	/* They are the ancestor's. */
	top->count = 1;
	top->torn = torn;
	return ok;
}

bool crash_pair_verify(struct crash_pair *p, const struct crash_two *two,
		       bool done)
{
	struct vhd_image *low = open_one(p, two->low, true, false, NULL);
	struct vhd_image *top = open_one(p, two->top, false, false, NULL);
	struct bond b;

	if (low && top && is_sound(p, low) && is_sound(p, top)) {
		b = bond_of(low, top);
		if (p->coalesce && done)
			same_bytes(p, low, "the parent");
		if (p->coalesce && b.open)
			chain_shows(p, top, low);
		else if (b.open && done)
			crash_fail(&p->fail, "the child is not spent");
		else if (b.open)
			chain_shows(p, top, low);
		else if (!vhd_guid_equal(&b.low, &b.top))
			crash_fail(&p->fail, "the ancestor is a stranger");
		else
			same_bytes(p, low, "the ancestor");
	}
	vhd_close(&low, NULL);
	vhd_close(&top, NULL);
	return !crash_failed(&p->fail);
}

/* Units that need nothing from below. */
static void fill(struct crash_pair *p, struct crash_file *f, bool low,
		 uint64_t *rng, unsigned steps)
{
	static uint8_t buf[40 * 128 * 1024];
	struct vhd_image *img = open_one(p, f, low, true, NULL);
	uint64_t unit = p->coalesce ? CRASH_SEC : CRASH_PAGE, units;

	CRASH_NEED(img);
	units = vhd_size(img) / unit;
	while (steps--) {
		uint64_t off = base_rand_below(rng, units) * unit;
		uint64_t len = (1 + base_rand_below(rng, 32)) * unit;
		int how = (int)base_rand_below(rng, 6);

		len = min_u64(len, vhd_size(img) - off);
		if (how == 5)
			len = min_u64(len * 40, vhd_size(img) - off);
		/* Some blocks are to become full. */
		if (p->coalesce && how == 4) {
			len = min_u64(len * 400, vhd_size(img));
			off = 0;
		}
		base_rand_fill(rng, buf, (size_t)len);
		CRASH_NEED(!(how == 5 ?
			     vhd_write_zeroes(img, off, len, 0, NULL) :
			     vhd_pwrite(img, buf, (size_t)len, off, NULL)));
	}
	CRASH_NEED(close_one(p, &img));
}

static void make_top(struct crash_pair *p, struct crash_two *two,
		     uint64_t *rng)
{
	struct vhd_image *low = open_one(p, two->low, true, false, NULL);
	struct crash_parent of = { .path = "" };

	CRASH_NEED(low);
	of.info.size = sizeof(of.info);
	CRASH_NEED(!vhd_layer_info(low, 0, &of.info, NULL));
	vhd_close(&low, NULL);
	crash_image_build(two->top, &p->top, &of);
	fill(p, two->top, false, rng, 6);
}

static void read_want(struct crash_pair *p, const struct crash_two *two)
{
	struct vhd_image *low = open_one(p, two->low, true, false, NULL);
	struct vhd_image *top = open_one(p, two->top, false, false, NULL);

	p->want = crash_alloc((size_t)p->size, 1);
	for (uint32_t i = 0; i < low->count; i++)
		CRASH_NEED(!vhd_image_push(top, &low->layers[i], NULL));
	low->count = 0;
	top->torn = false;
	CRASH_NEED(!vhd_pread(top, p->want, (size_t)p->size, 0, NULL));
	vhd_close(&low, NULL);
	vhd_close(&top, NULL);
}

void crash_pair_make(struct crash_pair *p, const struct crash_type *type,
		     uint64_t seed, struct crash_two *two)
{
	const char *child = type->format == VHD_FORMAT_VHDX ? "vhdx-diff"
							    : "vhd-diff";
	uint64_t rng = seed * 977 + 5;
	bool coalesce = p->coalesce;
	bool xen = coalesce && type->type != VHD_TYPE_FIXED && seed % 3;

	memset(p, 0, sizeof(*p));
	p->coalesce = coalesce;
	p->low = (struct crash_setup){ .type = type, .seed = seed,
				       .mood = CRASH_MOOD_FILL };
	/* A full comparison for each state: small disks. */
	if (type->format == VHD_FORMAT_VHDX)
		p->low.size = 3 * MiB;
	if (xen)
		p->low.block = 2 * MiB;
	crash_setup_draw(&p->low);
	p->low.xen |= xen;
	p->low.size = min_u64(p->low.size, 3 * MiB);
	p->size = p->low.size;
	if (!p->coalesce && base_rand_below(&rng, 3) == 0)
		p->size += (1 + base_rand_below(&rng, 60)) * 16 * KiB;
	p->top = (struct crash_setup){
		.type = crash_type_find(child), .seed = seed + 5000,
		.size = p->size, .sector = p->low.sector,
		.mood = CRASH_MOOD_FILL, .block = xen ? 2 * MiB : 0,
	};
	crash_setup_draw(&p->top);
	p->top.xen |= xen;
	p->top.sector = p->low.sector;
	two->low = crash_file_new();
	two->top = crash_file_new();
	if (crash_setup_child(&p->low)) {
		struct crash_model *m = crash_model_new(seed, p->low.size);

		crash_parent_make(&p->below, &p->low, m);
		crash_model_free(m);
	}
	crash_image_build(two->low, &p->low, &p->below);
	fill(p, two->low, true, &rng, 5);
	make_top(p, two, &rng);
	read_want(p, two);
}

void crash_pair_drop(struct crash_pair *p, struct crash_two *two)
{
	crash_parent_drop(&p->below);
	crash_file_free(two->low);
	crash_file_free(two->top);
	free(p->want);
}
