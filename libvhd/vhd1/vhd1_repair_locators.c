/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the parent that are not as they should be: VHD-K-62.
 *
 * A name that can be read is kept: in its place when only the header has to
 * change, else in new space at the end of the file.  One that cannot be read is
 * dropped, but never the last.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_check.h"
#include "vhd1/vhd1_repair.h"

/* A locator, and what it would be. */
struct naming {
	struct vhd1_locator loc;
	enum vhd_rule_idx rule;		/* that it breaks */
	uint8_t *payload;		/* owned */
	char *text;			/* owned */
	bool inside;			/* of the file */
	bool readable;
	bool move;
	uint32_t flaws;
};

/* Does [off, off + len) touch anything but the payload at @self? */
static bool touches(const struct vhd1 *v, uint64_t off, uint64_t len,
		    uint64_t self)
{
	bool seen = false;
	size_t i;

	for (i = 0; i < v->span_count; i++) {
		const struct vhd1_span *s = &v->span[i];

		if (i >= v->span_hard && s->off == self && !seen)
			seen = true;
		else if (ranges_overlap(off, len, s->off, s->len))
			return true;
	}
	return !range_in(off, len, v->tail_off);
}

static int load(struct vhd1_repairer *r, struct naming *n,
		struct vhd_error *err)
{
	const struct vhd1 *v = r->v;
	enum vhd_locator_kind kind;
	uint32_t len = n->loc.len;
	int rc;

	n->inside = len <= VHD1_LOC_LEN_MAX &&
		    range_in(n->loc.off, len, v->file_size);
	if (!n->inside)
		return 0;
	n->payload = vhd_alloc((size_t)len + 1);
	n->text = vhd_alloc(VHD1_LOC_ROOM(len));
	if (!n->payload || !n->text)
		return vhd_fail_nomem(err);
	rc = len ? vhd_io_read(r->io, n->payload, len, n->loc.off, err) : 0;
	if (rc)
		return rc;
	n->readable = vhd1_locator_decode(n->loc.code, n->payload, len,
					  n->text, &kind, &n->flaws) &&
		      !(n->flaws & VHD1_TEXT_REPLACED);
	if (!len)
		n->flaws |= VHD1_TEXT_EMPTY;
	return 0;
}

static void judge(const struct vhd1 *v, struct naming *n)
{
	enum vhd1_room room = vhd1_locator_room(&n->loc);

	n->rule = VHD_RULE_NONE;
	if (!n->inside || room == VHD1_ROOM_SHORT)
		n->rule = RULE_VHD1_LOCATOR_PLACE;
	else if (n->loc.len && touches(v, n->loc.off, n->loc.len, n->loc.off))
		n->rule = RULE_VHD1_LOCATOR_OVERLAP;
	else if (n->flaws || room != VHD1_ROOM_OK)
		n->rule = RULE_VHD1_LOCATOR_TEXT;
}

static bool is_utf16(uint32_t code)
{
	return code == VHD1_LOC_W2RU || code == VHD1_LOC_W2KU;
}

/* Would nothing be odd about it?  Some names look like a mark when encoded. */
static bool is_plain(const struct naming *n, size_t len)
{
	char *text = vhd_alloc(VHD1_LOC_ROOM(len));
	enum vhd_locator_kind kind;
	uint32_t flaws = 0;
	bool plain = text && vhd1_locator_decode(n->loc.code, n->payload, len,
						 text, &kind, &flaws) &&
		     !flaws;

	vhd_free(text);
	return plain;
}

/* What the locator should be, apart from its place. */
static bool plan(const struct vhd1 *v, struct naming *n)
{
	uint64_t space = vhd1_locator_space(&n->loc);
	size_t len = n->loc.len;
	const uint8_t *nul = memchr(n->payload, 0, len);
	bool mark = len > 1 && (n->payload[0] ^ n->payload[1]) == 1 &&
		    n->payload[0] >= 0xfe;

	if (is_utf16(n->loc.code) && n->flaws &&
	    !vhd1_locator_encode(n->text, n->payload, n->loc.len, &len))
		return false;
	if (!is_utf16(n->loc.code) && n->loc.code != VHD1_LOC_MAC && nul)
		len = (size_t)(nul - n->payload);
	if (!len || (n->loc.code != VHD1_LOC_MAC && !is_plain(n, len)))
		return false;
	n->loc.len = (uint32_t)len;
	if (vhd1_locator_room(&n->loc) != VHD1_ROOM_OK)
		space = align_up(len, VHD1_SECTOR);
	n->loc.space = (uint32_t)space;
	n->move = n->rule == RULE_VHD1_LOCATOR_OVERLAP ||
		  n->flaws & VHD1_TEXT_BIG_ENDIAN || mark ||
		  touches(v, n->loc.off, len, n->loc.off);
	if (n->move)
		n->loc.space = (uint32_t)align_up(len, VHD1_SECTOR);
	return true;
}

/* Where the header says it: unlike its text, no two share that. */
static uint64_t slot_off(const struct vhd1_repairer *r, size_t i)
{
	return r->v->footer.data_off +
	       offsetof(struct vhd1_header_disk, locator) +
	       i * sizeof(struct vhd1_locator_disk);
}

/* Can the file get longer? */
static int can_move(struct vhd1_repairer *r, bool *yes_out,
		    struct vhd_error *err)
{
	int rc = vhd1_fix_end_free(r, yes_out, err);

	*yes_out = *yes_out && vhd1_fix_in_reach(r->copies.size + MiB);
	return rc;
}

static int put(struct vhd1_repairer *r, size_t i, struct naming *n,
	       struct vhd_error *err)
{
	int rc = 0;

	if (n->move) {
		uint64_t size;

		rc = vhd_io_size(r->io, &size, err);
		if (rc)
			return rc;
		n->loc.off = vhd1_fix_apart(r, align_up(size, VHD1_SECTOR),
					    n->loc.space + VHD1_FOOTER_LEN);
		rc = vhd_io_write(r->io, n->payload, n->loc.len, n->loc.off,
				  err);
		if (!rc)
			rc = vhd1_fix_tail(r, n->loc.off + n->loc.space, err);
	}
	if (rc)
		return rc;
	r->v->hdr.locator[i] = n->loc;
	return vhd1_fix_header(r, err);
}

static int mend_known(struct vhd1_repairer *r, size_t i, struct naming *n,
		      struct vhd_error *err)
{
	const uint64_t off = slot_off(r, i);
	char code[5];
	bool room;
	int rc = load(r, n, err);

	if (rc)
		return rc;
	judge(r->v, n);
	vhd1_locator_code_text(n->loc.code, code);
	if (n->rule == VHD_RULE_NONE)
		return 0;
	if (n->inside && (n->readable || n->loc.code == VHD1_LOC_MAC) &&
	    plan(r->v, n)) {
		rc = n->move ? can_move(r, &room, err) : 0;
		if (rc || (n->move && !room) ||
		    !vhd1_may(r, n->rule, off, "parent locator %s is recorded "
			      "anew, with the same name", code))
			return rc;
		return put(r, i, n, err);
	}
	/* Without a text it is not among the names. */
	if (r->v->name_count <= (n->text && n->text[0] ? 1 : 0) ||
	    !vhd1_may(r, n->rule, off, "parent locator %s, which cannot be "
		      "read, is dropped; there are other names", code))
		return 0;
	memset(&r->v->hdr.locator[i], 0, sizeof(n->loc));
	return vhd1_fix_header(r, err);
}

static int mend_one(struct vhd1_repairer *r, size_t i, struct vhd_error *err)
{
	struct naming n = { .loc = r->v->hdr.locator[i] };
	char code[5];
	int rc;

	if (!n.loc.code)
		return 0;
	if (!vhd1_locator_known(n.loc.code)) {
		vhd1_locator_code_text(n.loc.code, code);
		if (!vhd1_may(r, RULE_VHD1_LOCATOR_CODE, slot_off(r, i),
			      "parent locator with the unknown platform code "
			      "\"%s\" is dropped", code))
			return 0;
		memset(&r->v->hdr.locator[i], 0, sizeof(n.loc));
		return vhd1_fix_header(r, err);
	}
	rc = mend_known(r, i, &n, err);
	vhd_free(n.payload);
	vhd_free(n.text);
	return rc;
}

/* VHD-K-65: not recorded is better than not possible. */
static int mend_time(struct vhd1_repairer *r, struct vhd_error *err)
{
	struct vhd1_header *h = &r->v->hdr;

	if (!vhd1_time_is_future(h->parent_timestamp, r->req->now) ||
	    !vhd1_may(r, RULE_VHD1_PARENT_TIME_FUTURE, r->v->footer.data_off,
		      "the recorded time of the parent is dropped"))
		return 0;
	h->parent_timestamp = 0;
	return vhd1_fix_header(r, err);
}

/* One of the names in a call: the next one is judged by what that has left. */
int vhd1_repair_locators(struct vhd1_repairer *r, struct vhd_error *err)
{
	size_t i;
	int rc;

	if (r->v->footer.type != VHD1_TYPE_DIFF || !vhd1_fix_header_ok(r) ||
	    !(r->v->footers_ok & VHD_COPY_SECOND))
		return 0;
	rc = mend_time(r, err);
	for (i = 0; !rc && !r->stale && i < VHD1_LOCATORS; i++)
		rc = mend_one(r, i, err);
	return rc;
}
