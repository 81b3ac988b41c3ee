/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The locators of a differencing image, one by one, and then the file that they
 * lead to: it has to be there, to be another file, and to be the disk that was
 * recorded.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/image_priv.h"
#include "image/xen_parent.h"
#include "base/guid.h"
#include "io/stat.h"
#include "vhd1/vhd1_check.h"
#include "xen/xen_check_priv.h"

static const char *slot_fault(const struct vhd_xen_checker *c,
			      const struct vhd1_locator *loc)
{
	if (!vhd1_locator_known(loc->code))
		return "invalid platform code";
	if (!loc->len || loc->len > VHD1_LOC_LEN_MAX)
		return "invalid data length";
	if (!range_in(loc->off, loc->len, c->tail_off))
		return "invalid data offset";
	if (vhd1_locator_room(loc) != VHD1_ROOM_OK)
		return "invalid data space";
	return NULL;
}

static bool is_twin(const struct vhd1_header *h, size_t slot)
{
	size_t i;

	for (i = 0; i < slot; i++)
		if (h->locator[i].code == h->locator[slot].code)
			return true;
	return false;
}

/* The text of the one locator with that code; NULL: there is none. */
static const char *name_of(const struct vhd1 *v, uint32_t code)
{
	char text[5];
	size_t i;

	vhd1_locator_code_text(code, text);
	for (i = 0; i < v->name_count; i++)
		if (!strcmp(v->name[i].code, text))
			return v->name[i].text;
	return NULL;
}

/* The last part, of names of any system. */
static const char *base_of(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	return name;
}

static bool names_file(uint32_t code)
{
	return code == VHD1_LOC_MACX || code == VHD1_LOC_W2KU ||
	       code == VHD1_LOC_W2RU;
}

static int check_name(const struct vhd_xen_checker *c, size_t slot,
		      struct vhd_error *err)
{
	const struct vhd1 *v = c->v;
	const struct vhd1_locator *loc = &v->hdr.locator[slot];
	const char *name = name_of(v, loc->code);

	if (!names_file(loc->code))
		return 0;
	if (!name)
		return vhd_fail_rule(err, RULE_VHD1_LOCATOR_TEXT, loc->off,
				     "invalid parent locator %zu: invalid name",
				     slot);
	if (!v->parent_name[0] ||
	    !strcmp(base_of(name), base_of(v->parent_name)))
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_PARENT_NAME, loc->off,
			     "parent locator %zu name (%s) does not match "
			     "header name (%s)", slot, base_of(name),
			     v->parent_name);
}

static int check_slot(const struct vhd_xen_checker *c, size_t slot,
		      struct vhd_error *err)
{
	const struct vhd1_header *h = &c->v->hdr;
	const char *fault = slot_fault(c, &h->locator[slot]);

	if (fault)
		return vhd_fail_rule(err, RULE_VHD1_LOCATOR_PLACE,
				     c->footer->f.data_off,
				     "invalid parent locator %zu: %s", slot,
				     fault);
	if (is_twin(h, slot))
		return vhd_fail_rule(err, RULE_VHD1_LOCATOR_CODE,
				     c->footer->f.data_off, "duplicate "
				     "platform code in locator %zu: 0x%" PRIx32,
				     slot, h->locator[slot].code);
	return check_name(c, slot, err);
}

int vhd_xen_check_locators(struct vhd_xen_checker *c, struct vhd_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < VHD1_LOCATORS; i++)
		if (c->v->hdr.locator[i].code)
			rc = check_slot(c, i, err);
	return rc;
}

static int fail_parent(struct vhd_error *err, int code, int os_errno,
		       const char *name, const char *why)
{
	int rc = vhd_fail_code_rule(err, code, RULE_VHD1_PARENT_ID,
				    VHD_NO_OFFSET, "invalid parent %s: %s",
				    name, why);

	if (err)
		err->os_errno = os_errno;
	return rc;
}

static const struct vhd_open_opts alone = {
	.size = sizeof(alone),
	.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT | VHD_OPEN_POISONED,
	.format = VHD_FORMAT_VHD,
};

static int check_identity(const struct vhd_xen_checker *c, const char *name,
			  const struct vhd_parent_ref *ref,
			  struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	struct vhd_error why;
	bool same;
	int rc = vhd_open(name, &alone, &img, &why);

	if (rc)
		return fail_parent(err, rc, why.os_errno, name, why.msg);
	same = ref->id_count &&
	       vhd_guid_equal(&ref->ids[0], &img->layers[0].id);
	vhd_close(&img, NULL);
	if (same || c->flags & VHD_XEN_CHECK_IGNORE_PARENT_ID)
		return 0;
	return fail_parent(err, VHD_E_CORRUPT, 0, name, "invalid parent uuid");
}

/* An image below itself has no bottom (VHD-D-9). */
static bool is_itself(const struct vhd_xen_checker *c, const char *name)
{
	struct vhd_file_id own, other;

	vhd_io_file_id(c->io, &own);
	vhd_path_file_id(name, &other);
	return vhd_file_id_same(&own, &other);
}

static int not_found(const struct vhd_parent_ref *ref, struct vhd_error *err)
{
	const char *name = ref->locator_count ? ref->locators[0].text : "";
	int os_errno = err->os_errno, rc;

	if (!os_errno)
		return err->code;
	rc = vhd_fail_code_rule(err, VHD_E_PARENT, RULE_VHD1_PARENT_MISSING,
				VHD_NO_OFFSET, "error resolving %s: %d", name,
				-os_errno);
	err->os_errno = os_errno;
	return rc;
}

int vhd_xen_check_parent(struct vhd_xen_checker *c, struct vhd_error *err)
{
	struct vhd_parent_ref ref = { 0 };
	struct vhd_error why;
	char *name = NULL;
	int rc;

	if (!vhd1_parent(c->v, &ref))
		return 0;
	rc = vhd_xen_parent_name(c->io, &ref, &name, &why);
	if (rc) {
		rc = not_found(&ref, &why);
		if (err)
			*err = why;
	} else if (is_itself(c, name)) {
		rc = vhd_fail_rule(err, RULE_VHD1_CHAIN, VHD_NO_OFFSET,
				   "invalid parent %s: the image itself", name);
	} else if (!ref.raw) {
		rc = check_identity(c, name, &ref, err);
	}
	vhd_free(name);
	return rc;
}
