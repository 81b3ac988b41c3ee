/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the metadata table that are too many, or that share bytes
 * (VHDX-CHK-31 to 33).  There may be two thousand of a kind, so each kind is one
 * step, whatever their number: a file is not to take a round for each.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_repair_meta.h"

/* So many bytes of items are read, or written, in one step. */
#define STEP_BYTES (4 * MiB)

/* Some of the entries, and where their items will be. */
struct ent_set {
	bool has[VHDX_META_MAX];
	uint32_t off[VHDX_META_MAX];
	uint32_t count, first;
};

static uint64_t ent_file_off(struct vhdx_fix_region *r, uint32_t idx)
{
	return r->off + (uint64_t)((uint8_t *)vhdx_fix_ent(r, idx) - r->table);
}

static void set_add(struct ent_set *s, uint32_t idx, uint32_t off)
{
	if (!s->count)
		s->first = idx;
	s->has[idx] = true;
	s->off[idx] = off;
	s->count++;
}

/* From the last one on: entries behind a dropped one move. */
static int set_drop(struct vhdx_fix_region *r, const struct ent_set *s,
		    struct vhd_error *err)
{
	for (uint32_t i = vhdx_fix_ent_count(r); i-- > 0;) {
		if (s->has[i])
			vhdx_fix_ent_drop(r, i);
	}
	return vhdx_fix_meta_store(r, 0, NULL, 0, err);
}

/* Tells of one entry by its number, of several by the first one's. */
static bool set_may(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
		    const struct ent_set *s, const char *one,
		    const char *several)
{
	uint64_t off = ent_file_off(r, s->first);

	if (s->count == 1)
		return vhdx_fix_may(r->m, rule, off, "metadata entry %" PRIu32
				    ", %s", s->first, one);
	return vhdx_fix_may(r->m, rule, off, "%" PRIu32 " metadata entries from"
			    " entry %" PRIu32 " on, %s", s->count, s->first,
			    several);
}

static int item_read(struct vhdx_fix_region *r,
		     const struct vhdx_meta_ent_disk *ent, uint8_t **bytes_out,
		     struct vhd_error *err)
{
	uint32_t len = le32_get(ent->len);
	/* At most VHDX_META_ITEM_MAX: its place was looked at. */
	uint8_t *bytes = vhd_alloc(len ? len : 1);
	int rc;

	if (!bytes)
		return vhd_fail_nomem(err);
	rc = vhd_io_read_padded(r->m->io, bytes, len,
				r->off + le32_get(ent->off), err);
	if (rc)
		vhd_free(bytes);
	else
		*bytes_out = bytes;
	return rc;
}

static int bytes_equal(struct vhdx_fix_region *r,
		       const struct vhdx_meta_ent_disk *a,
		       const struct vhdx_meta_ent_disk *b, bool *yes_out,
		       struct vhd_error *err)
{
	uint8_t *a_bytes = NULL, *b_bytes = NULL;
	int rc = item_read(r, a, &a_bytes, err);

	if (!rc)
		rc = item_read(r, b, &b_bytes, err);
	if (!rc)
		*yes_out = !memcmp(a_bytes, b_bytes, le32_get(a->len));
	vhd_free(a_bytes);
	vhd_free(b_bytes);
	return rc;
}

/* *@read grows by what had to be read. */
static int items_equal(struct vhdx_fix_region *r, uint32_t i, uint32_t j,
		       bool *yes_out, uint64_t *read, struct vhd_error *err)
{
	const struct vhdx_meta_ent_disk *a = vhdx_fix_ent(r, i);
	const struct vhdx_meta_ent_disk *b = vhdx_fix_ent(r, j);

	*yes_out = false;
	if (le32_get(a->len) != le32_get(b->len) ||
	    !vhdx_fix_ent_place_ok(r, a) || !vhdx_fix_ent_place_ok(r, b))
		return 0;
	*yes_out = le32_get(a->off) == le32_get(b->off);
	if (*yes_out)
		return 0;
	*read += le32_get(a->len);
	return bytes_equal(r, a, b, yes_out, err);
}

/* The entry that @idx repeats; @idx itself when there is none. */
static uint32_t repeated(struct vhdx_fix_region *r, uint32_t idx)
{
	const struct vhdx_meta_ent_disk *e = vhdx_fix_ent(r, idx);
	uint32_t i;

	for (i = 0; i < idx; i++) {
		const struct vhdx_meta_ent_disk *p = vhdx_fix_ent(r, i);
		uint32_t both = le32_get(p->flags) ^ le32_get(e->flags);

		if (!memcmp(p->guid, e->guid, 16) && !(both & VHDX_META_USER))
			break;
	}
	return i;
}

/* None when one of them says something else: which is right, nobody knows. */
static int repeated_find(struct vhdx_fix_region *r, struct ent_set *s,
			 struct vhd_error *err)
{
	uint32_t count = vhdx_fix_ent_count(r);
	uint64_t read = 0;

	for (uint32_t i = 0; i < count && read < STEP_BYTES; i++) {
		uint32_t first = repeated(r, i);
		bool equal = true;
		int rc = 0;

		if (first == i)
			continue;
		if (!r->m->req->salvage)
			rc = items_equal(r, first, i, &equal, &read, err);
		if (rc)
			return rc;
		if (!equal) {
			s->count = 0;
			return 0;
		}
		set_add(s, i, 0);
	}
	return 0;
}

int vhdx_fix_ents_repeated(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct ent_set s = { .count = 0 };
	int rc = repeated_find(r, &s, err);

	if (rc || !s.count ||
	    !set_may(r, RULE_VHDX_META_DUPLICATE, &s,
		     "which repeats another one, is dropped",
		     "which repeat others, are dropped"))
		return rc;
	return set_drop(r, &s, err);
}

int vhdx_fix_ents_unknown(struct vhdx_fix_region *r, enum vhd_rule_idx rule,
			  struct vhd_error *err)
{
	struct ent_set s = { .count = 0 };
	uint32_t count = vhdx_fix_ent_count(r);

	for (uint32_t i = 0; i < count && r->m->req->salvage; i++) {
		const struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, i);
		bool other = vhdx_fix_ent_is_other(r, i);

		if (other ? !!(le32_get(ent->flags) & VHDX_META_REQUIRED) :
			    !vhdx_fix_ent_place_ok(r, ent))
			set_add(&s, i, 0);
	}
	if (!s.count || !set_may(r, rule, &s, "is not looked at",
				 "are not looked at"))
		return 0;
	return set_drop(r, &s, err);
}

int vhdx_fix_ents_misplaced(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct ent_set s = { .count = 0 };
	uint32_t count = vhdx_fix_ent_count(r);

	for (uint32_t i = 0; i < count; i++) {
		if (!vhdx_fix_ent_place_ok(r, vhdx_fix_ent(r, i)) &&
		    vhdx_fix_ent_is_other(r, i))
			set_add(&s, i, 0);
	}
	if (!s.count ||
	    !set_may(r, RULE_VHDX_META_PLACE_OPT, &s, "an item that is not"
		     " needed and lies nowhere, is dropped",
		     "items that are not needed and lie nowhere, are dropped"))
		return 0;
	return set_drop(r, &s, err);
}

/* Does the item share bytes with that of an entry before it, as it now is? */
static bool is_shared(struct vhdx_fix_region *r, const struct ent_set *moved,
		      uint32_t idx)
{
	const struct vhdx_meta_ent_disk *e = vhdx_fix_ent(r, idx);

	if (!le32_get(e->len) || !vhdx_fix_ent_place_ok(r, e))
		return false;
	for (uint32_t i = 0; i < idx; i++) {
		const struct vhdx_meta_ent_disk *p = vhdx_fix_ent(r, i);

		if (!moved->has[i] &&
		    ranges_overlap(le32_get(e->off), le32_get(e->len),
				   le32_get(p->off), le32_get(p->len)))
			return true;
	}
	return false;
}

/*
 * Who gets a place of its own: as many as there is room for, in one pass over
 * the region.  What has none may be dropped if it is not needed; but only when
 * not one of them has.
 */
static void shared_find(struct vhdx_fix_region *r, struct ent_set *move,
			struct ent_set *drop)
{
	uint32_t count = vhdx_fix_ent_count(r), from = VHDX_META_TABLE_LEN;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count && bytes < STEP_BYTES; i++) {
		uint32_t len = le32_get(vhdx_fix_ent(r, i)->len), to;

		if (drop->count && move->count)
			return;
		if (!is_shared(r, move, i))
			continue;
		if (vhdx_fix_room(r, from, len, NULL, &to)) {
			set_add(move, i, to);
			from = to + len;
			bytes += len;
		} else if (vhdx_fix_ent_is_other(r, i)) {
			set_add(drop, i, 0);
		}
	}
}

static int items_copy(struct vhdx_fix_region *r, const struct ent_set *s,
		      struct vhd_pending *set, struct vhd_error *err)
{
	uint32_t count = vhdx_fix_ent_count(r);
	int rc = 0;

	for (uint32_t i = 0; i < count && !rc; i++) {
		struct vhdx_meta_ent_disk *ent = vhdx_fix_ent(r, i);
		uint8_t *bytes = NULL;

		if (!s->has[i])
			continue;
		rc = item_read(r, ent, &bytes, err);
		if (!rc)
			rc = vhdx_fix_put(r->m, set, r->off + s->off[i], bytes,
					  le32_get(ent->len), err);
		ent->off = le32_make(s->off[i]);
		vhd_free(bytes);
	}
	return rc;
}

static int shared_move(struct vhdx_fix_region *r, const struct ent_set *s,
		       struct vhd_error *err)
{
	struct vhd_pending set = { 0 };
	int rc;

	if (!set_may(r, RULE_VHDX_META_OVERLAP, s, "whose item shares bytes"
		     " with another, gets a copy of what it reads now",
		     "whose items share bytes with others, get copies of what"
		     " they read now"))
		return 0;
	rc = items_copy(r, s, &set, err);
	if (!rc)
		rc = vhdx_fix_meta_commit(r, &set, err);
	vhd_pending_clear(&set);
	return rc;
}

int vhdx_fix_ents_shared(struct vhdx_fix_region *r, struct vhd_error *err)
{
	struct ent_set move = { .count = 0 }, drop = { .count = 0 };

	shared_find(r, &move, &drop);
	if (move.count)
		return shared_move(r, &move, err);
	if (!drop.count ||
	    !set_may(r, RULE_VHDX_META_OVERLAP, &drop, "whose item shares bytes"
		     " with another and is not needed, is dropped",
		     "whose items share bytes with others and are not needed,"
		     " are dropped"))
		return 0;
	return set_drop(r, &drop, err);
}
