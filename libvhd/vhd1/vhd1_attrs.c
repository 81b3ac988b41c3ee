/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the footer says beside the size: who the disk is, who made it, and marks
 * that others set.
 *
 * All of it is in the footer, which one write of a sector changes; so the
 * trailing one changes first, then its copy (VHD-W-10), and what a cut leaves
 * in between is understood when the file is opened (vhd1_copies.c).
 */
#include "vhd1/vhd1_reshape.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"

#define EPOCH		INT64_C(946684800)	/* VHD-F-11 */

int vhd1_still(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd_writer *w = v->write ? v->write->w : NULL;
	int rc;

	if (!w)
		return vhd_fail(err, VHD_E_READONLY,
				"the image is not open for writing");
	rc = vhd_writer_calm(w, err);
	return rc ? rc : vhd_writer_commit(w, VHD_COMMIT_SYNC, err);
}

int vhd1_ready(struct vhd1 *v, struct vhd_error *err)
{
	struct vhd_writer *w = v->write ? v->write->w : NULL;

	if (!w || vhd_writer_touched(w))
		return vhd1_still(v, err);
	/* In front of a fixed disk is the guest's. */
	return vhd1_is_sparse(v) ? vhd1_write_touch(v, err) : 0;
}

/* Behind the only footer of a fixed disk may be bytes that belong to nothing. */
static int fixed_cut(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t end = v->tail_off + VHD1_FOOTER_LEN;
	int rc = 0;

	if (v->file_size > end)
		rc = vhd_io_set_size(v->io, end, err);
	v->file_size = end;
	return rc ? rc : vhd1_flush(v, err);
}

int vhd1_footers_put(struct vhd1 *v, struct vhd_error *err)
{
	int rc = vhd1_footer_put(v, v->tail_off, err);

	if (!rc)
		rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	if (!vhd1_is_sparse(v))
		return v->file_size == v->tail_off + VHD1_FOOTER_LEN ? 0 :
		       fixed_cut(v, err);
	rc = vhd1_footer_put(v, 0, err);
	return rc ? rc : vhd1_flush(v, err);
}

static bool cuts(const struct vhd1_footer *f)
{
	uint64_t chs = vhd1_geometry_size(f->geometry);

	return chs && chs < f->current_size &&
	       vhd1_qemu_uses_chs(f->creator_app, chs, VHD1_QEMU_9);
}

/*
 * With the geometry of another size a disk may be cut off for somebody who saw
 * all of it before, or for us (VHD-C-15).  Then the creator gets a name by which
 * the size counts, QEMU's own for that if it was QEMU's.  The largest geometry
 * would say so as well (VHD-C-7), but Xen's check refuses it, and Virtual PC
 * would show more than there is.
 */
void vhd1_footer_resize(struct vhd1_footer *f, uint64_t size)
{
	bool cut = cuts(f);

	f->current_size = size;
	f->geometry = vhd1_geometry_of(size);
	if ((!cuts(f) || cut) && vhd1_footer_size(f, VHD_SIZE_AUTO) == size)
		return;
	if (!memcmp(f->creator_app, "qemu", sizeof(f->creator_app)))
		memcpy(f->creator_app, "qem2", sizeof(f->creator_app));
	else
		vhd1_footer_own(f);
}

int vhd1_identify(void *eng, const struct vhd_guid *id, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	int rc;

	if (!memcmp(v->footer.unique_id, id->b, sizeof(id->b)) &&
	    !v->footers_step)
		return 0;
	rc = vhd1_still(v, err);
	if (rc || !memcmp(v->footer.unique_id, id->b, sizeof(id->b)))
		return rc;
	memcpy(v->footer.unique_id, id->b, sizeof(id->b));
	return vhd1_footers_put(v, err);
}

/* VHD-C-12: some names make the geometry count.  Is the disk still whole? */
static bool creator_geometry(const struct vhd1 *v, struct vhd1_footer *f)
{
	const struct vhd1_geometry most = { 65535, 16, 255 };
	struct vhd1_geometry own = vhd1_geometry_of(f->current_size);

	/* It was there for the former name. */
	if (vhd1_geometry_size(f->geometry) == VHD1_CHS_MAX) {
		f->geometry = own;
		if (cuts(f))
			f->geometry = most;
	}
	if (vhd1_footer_size(f, VHD_SIZE_AUTO) == v->virtual_size)
		return true;
	f->geometry = own;
	if (vhd1_footer_size(f, VHD_SIZE_AUTO) == v->virtual_size)
		return true;
	f->geometry = most;
	return vhd1_footer_size(f, VHD_SIZE_AUTO) == v->virtual_size;
}

static int set_creator(const struct vhd1 *v, struct vhd1_footer *f,
		       const char *text, struct vhd_error *err)
{
	size_t len = text ? strlen(text) : 0, i;
	bool tap;

	if (!len || len > sizeof(f->creator_app))
		return vhd_fail(err, VHD_E_INVAL,
				"the creator of a VHD has 1 to 4 characters");
	for (i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return vhd_fail(err, VHD_E_INVAL, "the creator of a "
					"VHD consists of ASCII characters");
	tap = vhd1_footer_is_tap(f);
	memset(f->creator_app, len == 3 && !memcmp(text, "tap", 3) ? 0 : ' ',
	       sizeof(f->creator_app));
	memcpy(f->creator_app, text, len);
	/* VHD-F-41: it stands for a map of blocks as well. */
	if (!tap && vhd1_footer_is_tap(f))
		return vhd_fail(err, VHD_E_INVAL, "\"tap\" stands for more than "
				"a name: convert the image for Xen instead");
	if (!memcmp(f->creator_app, "win ", 4))
		vhd1_footer_own(f);
	if (creator_geometry(v, f))
		return 0;
	return vhd_fail(err, VHD_E_INVAL, "with this creator the disk would "
			"have %" PRIu64 " bytes instead of %" PRIu64
			": resize it first", f->current_size, v->virtual_size);
}

static int set_marks(struct vhd1_footer *f, const struct vhd_attrs *what,
		     struct vhd_error *err)
{
	if (what->mask & VHD_ATTR_HIDDEN)
		f->hidden = what->hidden;
	if (what->mask & VHD_ATTR_SAVED_STATE) {
		if (what->saved_state > 1)
			return vhd_fail(err, VHD_E_INVAL,
					"the saved state is 0 or 1");
		f->saved_state = what->saved_state;
	}
	return 0;
}

static int set_numbers(struct vhd1_footer *f, const struct vhd_attrs *what,
		       struct vhd_error *err)
{
	uint64_t size = what->original_size;

	if (what->mask & VHD_ATTR_ORIGINAL_SIZE) {
		if (!size || size % VHD1_SECTOR || size > f->current_size)
			return vhd_fail(err, VHD_E_INVAL, "the original size is "
					"a multiple of 512, and not more than "
					"the %" PRIu64 " bytes of the disk",
					f->current_size);
		f->original_size = size;
	}
	if (what->mask & VHD_ATTR_TIMESTAMP) {
		if (what->timestamp < EPOCH ||
		    what->timestamp - EPOCH > (int64_t)UINT32_MAX)
			return vhd_fail(err, VHD_E_INVAL, "a VHD records times "
					"from 2000-01-01 to 2136-02-07");
		f->timestamp = (uint32_t)(what->timestamp - EPOCH);
	}
	return 0;
}

static int set_id(struct vhd1_footer *f, const struct vhd_attrs *what,
		  struct vhd_error *err)
{
	const uint32_t both = VHD_ATTR_ID | VHD_ATTR_IDENTITY;
	const struct vhd_guid *id = what->mask & VHD_ATTR_ID ? &what->id
							     : &what->identity;

	if (!(what->mask & both))
		return 0;
	if ((what->mask & both) == both &&
	    memcmp(what->id.b, what->identity.b, sizeof(what->id.b)))
		return vhd_fail(err, VHD_E_INVAL, "a VHD has one id, which is "
				"what its children record as well");
	memcpy(f->unique_id, id->b, sizeof(f->unique_id));
	return 0;
}

static int set_all(const struct vhd1 *v, struct vhd1_footer *f,
		   const struct vhd_attrs *what, struct vhd_error *err)
{
	int rc;

	if (what->mask & VHD_ATTR_PHYSICAL_SECTOR)
		return vhd_fail(err, VHD_E_INVAL, "a VHD does not record the "
				"size of physical sectors");
	rc = set_id(f, what, err);
	if (!rc && (what->mask & VHD_ATTR_CREATOR))
		rc = set_creator(v, f, what->creator, err);
	if (!rc)
		rc = set_marks(f, what, err);
	return rc ? rc : set_numbers(f, what, err);
}

/*
 * Xen's storage managers set the flag all the time.  Each footer is as good as the
 * other, so that both may change between the same two flushes.
 *
 * A disk that is full refuses a trailing footer that is not there yet, or whose
 * space it shares.  Then the copy will do to hide a disk, for that is where scans
 * read the flag; one that is to be seen again would go on being hidden for all
 * others.
 */
static int set_hidden(struct vhd1 *v, const struct vhd1_footer *f,
		      struct vhd_error *err)
{
	int rc = vhd1_ready(v, err);

	v->footer = *f;
	if (!rc)
		rc = vhd1_footer_put(v, v->tail_off, err);
	if (!rc || (rc == VHD_E_NOSPACE && f->hidden))
		rc = vhd1_footer_put(v, 0, err);
	return rc ? rc : vhd1_flush(v, err);
}

static int set_footers(struct vhd1 *v, const struct vhd1_footer *f,
		       const struct vhd_attrs *what, struct vhd_error *err)
{
	int rc;

	if (vhd1_is_sparse(v) && what->mask == VHD_ATTR_HIDDEN)
		return set_hidden(v, f, err);
	rc = vhd1_ready(v, err);
	if (rc)
		return rc;
	v->footer = *f;
	return vhd1_footers_put(v, err);
}

/* What the headers are to say. */
static int make_all(struct vhd1 *v, const struct vhd_attrs *what,
		    struct vhd1_footer *f, struct vhd1_batmap *note,
		    struct vhd_error *err)
{
	int rc;

	*f = v->footer;
	*note = v->batmap;
	rc = set_all(v, f, what, err);
	return rc ? rc : vhd1_note_make(v, what, note, err);
}

int vhd1_set_check(void *eng, const struct vhd_attrs *what,
		   struct vhd_error *err)
{
	struct vhd1_batmap note;
	struct vhd1_footer f;

	return make_all(eng, what, &f, &note, err);
}

int vhd1_set(void *eng, const struct vhd_attrs *what, struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint8_t old[VHD1_FOOTER_LEN], new[VHD1_FOOTER_LEN];
	struct vhd1_batmap note;
	struct vhd1_footer f;
	int rc = make_all(v, what, &f, &note, err);

	if (rc)
		return rc;
	vhd1_footer_encode(&v->footer, old);
	vhd1_footer_encode(&f, new);
	if (memcmp(old, new, sizeof(old)) || v->footers_step)
		rc = set_footers(v, &f, what, err);
	return rc ? rc : vhd1_note_put(v, what, &note, err);
}
