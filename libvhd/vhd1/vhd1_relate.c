/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_build.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/utf16.h"
#include "vhd1/vhd1_priv.h"

/*
 * How a new child names its parent (VHD-L-13).
 *
 * Windows reads the relative W2ru and the absolute W2ku; the latter is written
 * only when the caller knows such a path.  Xen gets MacX, W2ku and W2ru in this
 * order, all with the relative path unless a Windows path was given (VHD-Z-4).
 *
 * A text that fills at most half of a sector gets one sector, as the recipes
 * have it; a longer one twice its length, at least 1024 bytes, so that a later
 * change of parent finds room in place.  The space is zero behind the text.  New
 * images for Xen have no such room: its storage managers know how long metadata
 * is, and make volumes for it.
 */

enum {
	NAME_UNITS = VHD1_NAME_LEN / 2 - 1	/* a NUL stays behind it */
};

static int set_parent_name(struct vhd1_builder *b, const char *path,
			   struct vhd_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t units;

	if (!*base || !vhd_utf16_encode(base, VHD_UTF16_BE,
					b->hdr.parent_name, NAME_UNITS, &units))
		return vhd_fail(err, VHD_E_INVAL, "name of the parent, "
				"\"%.200s\", is empty, not UTF-8, or over 255 "
				"characters", base);
	return 0;
}

static uint64_t space_for(const struct vhd1_builder *b, size_t len)
{
	if (b->tight || len <= VHD1_SECTOR / 2)
		return align_up(max_u64(len, 1), VHD1_SECTOR);
	return max_u64(1024, align_up(2 * (uint64_t)len, VHD1_SECTOR));
}

/* Takes over @text: a payload of @len bytes in @room zeroed ones. */
static int add_payload(struct vhd1_builder *b, uint32_t code, uint8_t *text,
		       size_t len, struct vhd_error *err)
{
	uint64_t space = space_for(b, len);
	struct vhd1_piece *p = &b->locator[b->locator_count];

	p->bytes = vhd_alloc((size_t)space);
	if (!p->bytes)
		return vhd_fail_nomem(err);
	memcpy(p->bytes, text, len);
	p->len = (size_t)space;
	p->off = b->meta_end;
	b->hdr.locator[b->locator_count++] = (struct vhd1_locator){
		.code = code,
		.space = (uint32_t)space,
		.len = (uint32_t)len,
		.off = p->off,
	};
	b->meta_end += space;
	return 0;
}

/* @text is a relative path with slashes, or with @as_is any text. */
static int add(struct vhd1_builder *b, uint32_t code, const char *text,
	       bool as_is, struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(VHD1_LOC_LEN_MAX);
	size_t len;
	bool ok;
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	ok = as_is ? vhd1_locator_encode(text, buf, VHD1_LOC_LEN_MAX, &len)
		   : vhd1_locator_encode_relative(code, text, buf,
						  VHD1_LOC_LEN_MAX, &len);
	if (ok)
		rc = add_payload(b, code, buf, len, err);
	else
		rc = vhd_fail(err, VHD_E_INVAL, "path of the parent, "
			      "\"%.200s\", is not UTF-8 or too long", text);
	vhd_free(buf);
	return rc;
}

static int add_all(struct vhd1_builder *b, const struct vhd_build *w,
		   struct vhd_error *err)
{
	const char *rel = w->parent_relative, *win = w->parent_windows;
	int rc = 0;

	if (!b->xen) {
		rc = add(b, VHD1_LOC_W2RU, rel, false, err);
		if (!rc && win)
			rc = add(b, VHD1_LOC_W2KU, win, true, err);
		return rc;
	}
	rc = add(b, VHD1_LOC_MACX, rel, false, err);
	if (!rc)
		rc = add(b, VHD1_LOC_W2KU, win ? win : rel, win != NULL, err);
	if (!rc)
		rc = add(b, VHD1_LOC_W2RU, rel, false, err);
	return rc;
}

int vhd1_relate(struct vhd1_builder *b, const struct vhd_build *w,
		struct vhd_error *err)
{
	int rc;

	if (!w->parent_relative || !*w->parent_relative)
		return vhd_fail(err, VHD_E_INVAL, "a differencing disk needs "
				"the relative path of its parent");
	if (w->parent_raw && !w->xen)
		return vhd_fail(err, VHD_E_INVAL, "only Xen's VHD can have a "
				"raw parent (VHD-D-2)");
	if (!w->parent_raw)
		memcpy(b->hdr.parent_id, w->parent_id.b,
		       sizeof(b->hdr.parent_id));
	b->hdr.parent_timestamp = vhd1_time_from_unix(w->parent_timestamp);
	rc = set_parent_name(b, w->parent_relative, err);
	return rc ? rc : add_all(b, w, err);
}

bool vhd1_is_related(const struct vhd1 *v, const struct vhd1_builder *b)
{
	size_t i;

	if (memcmp(v->hdr.parent_id, b->hdr.parent_id, 16) ||
	    v->hdr.parent_timestamp != b->hdr.parent_timestamp ||
	    memcmp(v->hdr.parent_name, b->hdr.parent_name, VHD1_NAME_LEN))
		return false;
	for (i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator *old = &v->hdr.locator[i];
		const struct vhd1_locator *new = &b->hdr.locator[i];
		uint8_t *raw;
		bool same;

		if (old->code != new->code || old->len != new->len ||
		    vhd1_locator_space(old) < vhd1_locator_space(new))
			return false;
		if (!new->code)
			continue;
		raw = vhd_alloc((size_t)new->len);
		same = raw && !vhd_io_read(v->io, raw, new->len, old->off,
					   NULL) &&
		       !memcmp(raw, b->locator[i].bytes, new->len);
		vhd_free(raw);
		if (!same)
			return false;
	}
	return true;
}
