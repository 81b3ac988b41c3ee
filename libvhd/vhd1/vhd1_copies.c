/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/path.h"
#include "vhd1/vhd1.h"
#include "vhd1/vhd1_copies.h"

/*
 * Which footer counts (VHD-F-50).
 *
 * A footer ends every VHD; dynamic and differencing files begin with a copy.
 * The trailing one is looked at first: when it is sound and says "fixed", the
 * front is guest data, whatever it looks like.  When it is sound and says
 * anything else, the copy must agree, and where both are sound and differ the
 * one that the dynamic header can back wins (VHD-F-53).
 *
 * A trailing footer that is lost is common: it is rewritten at each growth of
 * the file, and programs that crash leave none behind.  The copy then takes its
 * place.  Without any right checksum the two copies can still vouch for each
 * other: identical, with every field as a program would write it, they are
 * taken, and the wrong checksum is reported; a fixed disk has one footer only
 * and nothing to vouch for it.
 *
 * What an interrupted change of the footer leaves (VHD-W-10) is no damage: the
 * trailing one is written first, each of the two is sound, and they differ in
 * nothing but what such a change changes.  The trailing one is the newer.
 *
 * Cookies also mark states that are no image: "v_poison" is left by a resize
 * that was interrupted and can be undone only with its journal.  Who wants to
 * see how far it got is shown what is there (VHD_OPEN_POISONED).
 */

static void weigh(struct vhd1_copy *c)
{
	c->seal = vhd1_footer_seal(c->raw);
	vhd1_footer_decode(c->raw, &c->f);
}

/* Reads @len bytes at @off as a footer; a 511-byte one gets its last zero. */
static int load_at(struct vhd_io *io, uint64_t off, size_t len,
		   struct vhd1_copy *c, struct vhd_error *err)
{
	int rc;

	memset(c, 0, sizeof(*c));
	c->off = off;
	c->old = len == VHD1_FOOTER_LEN_OLD;
	rc = vhd_io_read_padded(io, c->raw, len, off, err);
	if (!rc)
		weigh(c);
	return rc;
}

/*
 * The end of the file: 512 bytes, or 511 where the length says so.  A length
 * that is neither is damage (VHD-G-3); the last whole sector is tried too.
 */
static int load_tail(struct vhd_io *io, uint64_t size, struct vhd1_copy *c,
		     struct vhd_error *err)
{
	int rc;

	if (size % VHD1_SECTOR == VHD1_FOOTER_LEN_OLD) {
		rc = load_at(io, size - VHD1_FOOTER_LEN_OLD,
			     VHD1_FOOTER_LEN_OLD, c, err);
		if (rc || c->seal != VHD1_SEAL_NONE)
			return rc;
	}
	if (size < VHD1_FOOTER_LEN) {
		memset(c, 0, sizeof(*c));
		weigh(c);
		c->off = size;
		return 0;
	}
	rc = load_at(io, size - VHD1_FOOTER_LEN, VHD1_FOOTER_LEN, c, err);
	if (rc || c->seal != VHD1_SEAL_NONE || size % VHD1_SECTOR == 0 ||
	    size < 2 * VHD1_FOOTER_LEN)
		return rc;
	return load_at(io, align_down(size, VHD1_SECTOR) - VHD1_FOOTER_LEN,
		       VHD1_FOOTER_LEN, c, err);
}

int vhd1_copies_load(struct vhd_io *io, uint64_t size, struct vhd1_copies *c,
		     struct vhd_error *err)
{
	int rc = load_tail(io, size, &c->tail, err);

	c->size = size;
	return rc ? rc : load_at(io, 0, VHD1_FOOTER_LEN, &c->front, err);
}

int vhd1_probe(struct vhd_io *io, bool *ours_out, struct vhd_error *err)
{
	struct vhd1_copies c;
	uint64_t size;
	int rc;

	rc = vhd_io_size(io, &size, err);
	if (!rc)
		rc = vhd1_copies_load(io, size, &c, err);
	if (rc)
		return rc;
	*ours_out = c.tail.seal != VHD1_SEAL_NONE ||
		    c.front.seal != VHD1_SEAL_NONE;
	return 0;
}

/* Is that the footer of all that lies before it? */
static bool is_fixed(const struct vhd1_copy *c)
{
	return vhd1_sealed(c->seal) && c->f.type == VHD1_TYPE_FIXED &&
	       vhd1_footer_judge(&c->f) == VHD_RULE_NONE &&
	       c->f.current_size == c->off;
}

int vhd1_ends_fixed(struct vhd_io *io, bool *yes_out, struct vhd_error *err)
{
	struct vhd1_copy c;
	uint64_t size;
	int rc;

	rc = vhd_io_size(io, &size, err);
	if (!rc)
		rc = load_tail(io, size, &c, err);
	if (rc)
		return rc;
	*yes_out = is_fixed(&c);
	return 0;
}

size_t vhd1_fixed_trailer(const uint8_t last[512], uint64_t end)
{
	size_t len = end % VHD1_SECTOR == VHD1_FOOTER_LEN_OLD
			     ? VHD1_FOOTER_LEN_OLD
			     : VHD1_FOOTER_LEN;
	struct vhd1_copy c = { .off = end - len };

	memcpy(c.raw, last + (VHD1_FOOTER_LEN - len), len);
	weigh(&c);
	return is_fixed(&c) ? len : 0;
}

static bool filled_with(const struct vhd1_copy *c, uint8_t byte)
{
	size_t i;

	for (i = 0; i < VHD1_FOOTER_LEN; i++)
		if (c->raw[i] != byte)
			return false;
	return true;
}

bool vhd1_copy_killed(const struct vhd1_copy *c)
{
	return filled_with(c, 0xc7) || filled_with(c, 0xff);
}

bool vhd1_copy_poisoned(const struct vhd1_copy *c)
{
	struct vhd1_footer_disk d;

	memcpy(&d, c->raw, sizeof(d));
	return c->seal == VHD1_SEAL_POISON &&
	       be32_get(d.checksum) ==
		       vhd1_checksum(c->raw, sizeof(d),
				     offsetof(struct vhd1_footer_disk,
					      checksum));
}

/* VHD-G-6: x.vhd beside x.v01. */
static bool has_second_piece(const struct vhd_io *io)
{
	const char *name = vhd_io_name(io);
	size_t len = strlen(name);
	char *piece;
	bool yes;

	if (len < 4 || name[len - 4] != '.')
		return false;
	piece = vhd_strdup(name);
	if (!piece)
		return false;
	memcpy(piece + len - 3, "v01", 3);
	yes = strcmp(piece, name) && vhd_path_exists(piece);
	vhd_free(piece);
	return yes;
}

static void use(struct vhd1 *v, const struct vhd1_copy *c, uint32_t which)
{
	v->footer = c->f;
	v->footer_used = which;
}

bool vhd1_copies_same(const struct vhd1_copies *c)
{
	uint8_t a[VHD1_FOOTER_LEN], b[VHD1_FOOTER_LEN];
	struct vhd1_footer fa = c->tail.f, fb = c->front.f;

	if (c->tail.seal == VHD1_SEAL_OK_HIDDEN ||
	    c->front.seal == VHD1_SEAL_OK_HIDDEN)
		fa.hidden = fb.hidden = 0;
	vhd1_footer_encode(&fa, a);
	vhd1_footer_encode(&fb, b);
	return !memcmp(a, b, sizeof(a));
}

/*
 * Do they differ only in what identify, set and resize change?  Type, version
 * and the bytes that nobody knows never change.
 */
static bool is_step(const struct vhd1_copies *c)
{
	const struct vhd1_footer *t = &c->tail.f, *f = &c->front.f;

	return c->tail.seal == VHD1_SEAL_OK && c->front.seal == VHD1_SEAL_OK &&
	       t->type == f->type && t->version == f->version &&
	       t->features == f->features &&
	       !memcmp(t->reserved, f->reserved, sizeof(t->reserved));
}

static void report_step(const struct vhd1_copies *c,
			const struct vhd_sink *sink)
{
	vhd_report(sink, RULE_VHD1_FOOTERS_STEP, 0,
		   "the footer at 0x%" PRIx64 " (%" PRIu64 " bytes of disk) "
		   "was changed, and its copy at 0 (%" PRIu64 ") was not",
		   c->tail.off, c->tail.f.current_size,
		   c->front.f.current_size);
}

static int settle_difference(struct vhd1 *v, const struct vhd1_copies *c,
			     const struct vhd_sink *sink,
			     struct vhd_error *err)
{
	bool tail_fits = false, front_fits = false;
	int rc;

	rc = vhd1_header_backs(v, &c->tail.f, &tail_fits, err);
	if (!rc)
		rc = vhd1_header_backs(v, &c->front.f, &front_fits, err);
	if (rc)
		return rc;
	v->footers_step = tail_fits && front_fits && is_step(c);
	if (v->footers_step) {
		report_step(c, sink);
		return 0;
	}
	if (front_fits && !tail_fits)
		use(v, &c->front, VHD_COPY_FIRST);
	v->footers_differ = true;
	vhd_report(sink, RULE_VHD1_FOOTERS_DIFFER, 0,
		   "footer at 0x%" PRIx64 " (%" PRIu64 " bytes of disk) and "
		   "its copy at 0 (%" PRIu64 ") differ; the %s is used",
		   c->tail.off, c->tail.f.current_size,
		   c->front.f.current_size,
		   front_fits && !tail_fits ? "copy" : "footer");
	return 0;
}

/* The trailing footer is sound. */
static int from_tail(struct vhd1 *v, const struct vhd1_copies *c,
		     const struct vhd_sink *sink, struct vhd_error *err)
{
	use(v, &c->tail, VHD_COPY_SECOND);
	v->footers_ok = VHD_COPY_SECOND;
	v->tail_off = c->tail.off;
	if (c->tail.f.type != VHD1_TYPE_DYNAMIC &&
	    c->tail.f.type != VHD1_TYPE_DIFF)
		return 0;
	if (!vhd1_sealed(c->front.seal)) {
		vhd_report(sink, RULE_VHD1_COPY_MISSING, 0,
			   c->front.seal == VHD1_SEAL_BROKEN ?
			   "copy of the footer at 0 has a wrong checksum" :
			   "there is no copy of the footer at 0");
		return 0;
	}
	v->footers_ok |= VHD_COPY_FIRST;
	if (!vhd1_copies_same(c))
		return settle_difference(v, c, sink, err);
	if (c->front.seal == VHD1_SEAL_OK_HIDDEN)
		v->footer.hidden = c->front.f.hidden;
	return 0;
}

/* Only the copy at the front is sound. */
static int from_front(struct vhd1 *v, const struct vhd1_copies *c,
		      const struct vhd_sink *sink, struct vhd_error *err)
{
	if (c->front.f.type == VHD1_TYPE_FIXED)
		return vhd_fail_rule(err, RULE_VHD1_FIXED_NO_FOOTER, 0,
			"the footer at 0 says fixed, and the file does not "
			"end in a footer: it was probably cut off");
	if (has_second_piece(v->io))
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_SPLIT, VHD_NO_OFFSET,
			"image is split: a piece named .v01 lies beside it; "
			"join the pieces into one file first");
	use(v, &c->front, VHD_COPY_FIRST);
	v->footers_ok = VHD_COPY_FIRST;
	/* Even a damaged footer is where the data ends. */
	v->tail_off = c->tail.seal == VHD1_SEAL_BROKEN ? c->tail.off
						       : v->file_size;
	if (vhd1_copy_killed(&c->tail))
		vhd_report(sink, RULE_VHD1_FOOTER_KILLED, c->tail.off,
			   "last sector, at 0x%" PRIx64 ", is filled with "
			   "0x%02X instead of holding a footer",
			   c->tail.off, (unsigned)c->tail.raw[0]);
	else
		vhd_report(sink, RULE_VHD1_FOOTER_MISSING, c->tail.off,
			   c->tail.seal == VHD1_SEAL_BROKEN ?
			   "trailing footer at 0x%" PRIx64 " has a wrong "
			   "checksum; its copy is used" :
			   "there is no footer at 0x%" PRIx64 "; its copy is "
			   "used", c->tail.off);
	return 0;
}

/* No checksum is right.  See the top of the file. */
static int from_twins(struct vhd1 *v, const struct vhd1_copies *c,
		      const struct vhd_sink *sink, struct vhd_error *err)
{
	const struct vhd1_copy *t = &c->tail, *f = &c->front;

	if (t->seal == VHD1_SEAL_NONE && f->seal == VHD1_SEAL_NONE)
		return vhd_fail_code_rule(err, VHD_E_FORMAT,
			RULE_VHD1_FOOTERS_BAD, VHD_NO_OFFSET,
			"neither the end nor the start of the file is a VHD "
			"footer");
	if (t->seal == VHD1_SEAL_BROKEN && t->f.type == VHD1_TYPE_FIXED)
		return vhd_fail_rule(err, RULE_VHD1_FOOTERS_BAD, t->off,
			"footer of the fixed disk at 0x%" PRIx64
			" has a wrong checksum", t->off);
	if (t->seal != f->seal || memcmp(t->raw, f->raw, sizeof(t->raw)))
		return vhd_fail_rule(err, RULE_VHD1_FOOTERS_BAD, VHD_NO_OFFSET,
			"no footer has a right checksum, and the trailing one "
			"and its copy do not agree");
	if (!vhd1_footer_plausible(&t->f))
		return vhd_fail_rule(err, RULE_VHD1_FOOTERS_BAD, t->off,
			"no footer has a right checksum, and their fields are "
			"not plausible");
	use(v, t, VHD_COPY_SECOND);
	v->footers_ok = 0;
	v->tail_off = t->off;
	vhd_report(sink, RULE_VHD1_FOOTER_CHECKSUM, t->off,
		   "checksums of the footer at 0x%" PRIx64 " and of its copy "
		   "do not match; they are identical and plausible", t->off);
	return 0;
}

/* Who looks into a resize takes its footers for what they were before. */
static void overlook_poison(struct vhd1_copy *c)
{
	if (vhd1_copy_poisoned(c))
		c->seal = VHD1_SEAL_OK;
}

static int choose(struct vhd1 *v, const struct vhd1_copies *c,
		  const struct vhd_sink *sink, struct vhd_error *err)
{
	bool tail_ok = vhd1_sealed(c->tail.seal);

	if (tail_ok && c->tail.f.type == VHD1_TYPE_FIXED)
		return from_tail(v, c, sink, err);
	if (c->tail.seal == VHD1_SEAL_POISON ||
	    c->front.seal == VHD1_SEAL_POISON)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_POISONED,
			c->front.seal == VHD1_SEAL_POISON ? 0 : c->tail.off,
			"a resize of this image was interrupted; it can be "
			"used only after the resize's journal was applied");
	if (tail_ok)
		return from_tail(v, c, sink, err);
	if (vhd1_sealed(c->front.seal))
		return from_front(v, c, sink, err);
	return from_twins(v, c, sink, err);
}

/* Refuses what vhd1_footer_judge() does not accept, with numbers. */
static int judge(const struct vhd1 *v, struct vhd_error *err)
{
	const struct vhd1_footer *f = &v->footer;
	enum vhd_rule_idx rule = vhd1_footer_judge(f);
	uint64_t off = v->footer_used == VHD_COPY_FIRST ? 0 : v->tail_off;

	if (rule == VHD_RULE_NONE)
		return 0;
	if (rule == RULE_VHD1_VERSION)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED, rule, off,
			"file format version is %u.%u instead of 1.0",
			f->version >> 16, f->version & 0xffff);
	if (rule == RULE_VHD1_DISK_TYPE)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED, rule, off,
			"disk type is %" PRIu32 "; 2 fixed, 3 dynamic and 4 "
			"differencing are known", f->type);
	if (rule == RULE_VHD1_TAP_VERSION)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED, rule, off,
			"creator is \"tap\" of version %u.%u; 1.0 to 1.3 are "
			"known", f->creator_version >> 16,
			f->creator_version & 0xffff);
	return vhd_fail_rule(err, rule, off, "disk has %" PRIu64
			     " bytes, less than a sector", f->current_size);
}

static void report_form(const struct vhd1 *v, const struct vhd1_copies *c,
			const struct vhd_sink *sink)
{
	if (c->tail.old && v->footer_used == VHD_COPY_SECOND)
		vhd_report(sink, RULE_VHD1_FOOTER_511, c->tail.off,
			   "footer at 0x%" PRIx64 " has 511 bytes",
			   c->tail.off);
	else if (v->file_size % VHD1_SECTOR)
		vhd_report(sink, RULE_VHD1_FILE_LENGTH, VHD_NO_OFFSET,
			   "file length %" PRIu64 " is not a multiple of 512",
			   v->file_size);
	if (v->footer.version != VHD1_VERSION_1_0)
		vhd_report(sink, RULE_VHD1_VERSION_MINOR, v->tail_off,
			   "file format version is 1.%u",
			   v->footer.version & 0xffff);
}

int vhd1_footers_load(struct vhd1 *v, const struct vhd_engine_open *req,
		      struct vhd_error *err)
{
	struct vhd1_copies c;
	uint64_t size;
	int rc;

	rc = vhd_io_size(v->io, &size, err);
	if (rc)
		return rc;
	v->file_size = size;
	if (size < VHD1_FOOTER_LEN_OLD)
		return vhd_fail_rule(err, RULE_VHD1_FILE_TOO_SMALL,
			VHD_NO_OFFSET, "file has %" PRIu64
			" bytes; a footer alone needs 512", size);
	rc = vhd1_copies_load(v->io, size, &c, err);
	if (!rc && req->flags & VHD_OPEN_POISONED && !req->writable) {
		overlook_poison(&c.tail);
		overlook_poison(&c.front);
	}
	if (!rc)
		rc = choose(v, &c, &req->sink, err);
	if (!rc)
		rc = judge(v, err);
	if (!rc)
		report_form(v, &c, &req->sink);
	return rc;
}
