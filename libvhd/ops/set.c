/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing what the headers of an image say.
 *
 * Which of it a format has, and what it may be, is decided in here for both of
 * them, so that nothing is begun that cannot be finished.  What children know
 * their parent by, or share with it, is changed only with consent.
 */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "base/guid.h"
#include "base/opts.h"
#include "image/change.h"
#include "ops/kin.h"

#define ATTRS_VHD	(VHD_ATTR_ID | VHD_ATTR_IDENTITY | VHD_ATTR_CREATOR | \
			 VHD_ATTR_HIDDEN | VHD_ATTR_SAVED_STATE | \
			 VHD_ATTR_ORIGINAL_SIZE | VHD_ATTR_TIMESTAMP | \
			 VHD_ATTR_MARKER | VHD_ATTR_KEYHASH)
#define ATTRS_VHDX	(VHD_ATTR_ID | VHD_ATTR_IDENTITY | \
			 VHD_ATTR_PHYSICAL_SECTOR | VHD_ATTR_CREATOR)

/* VHD-F-16: 32 bits of seconds since 2000. */
#define VHD_EPOCH	INT64_C(946684800)

enum { VHD_CREATOR_LEN = 4, VHDX_CREATOR_UNITS = 255 };

static const struct {
	uint32_t attr;
	const char *name;
} names[] = {
	{ VHD_ATTR_PHYSICAL_SECTOR, "size of physical sectors" },
	{ VHD_ATTR_HIDDEN, "hidden marker" },
	{ VHD_ATTR_SAVED_STATE, "saved state" },
	{ VHD_ATTR_ORIGINAL_SIZE, "original size" },
	{ VHD_ATTR_TIMESTAMP, "time stamp" },
	{ VHD_ATTR_MARKER, "marker byte" },
	{ VHD_ATTR_KEYHASH, "hash of a key" },
};

static const char *name_of(uint32_t mask)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (mask & names[i].attr)
			return names[i].name;
	}
	return "such field";
}

static int check_ids(const struct vhd_attrs *a, bool vhd,
		     struct vhd_error *err)
{
	bool id = a->mask & VHD_ATTR_ID, identity = a->mask & VHD_ATTR_IDENTITY;

	if ((id && vhd_guid_is_zero(&a->id)) ||
	    (identity && vhd_guid_is_zero(&a->identity)))
		return vhd_fail(err, VHD_E_INVAL, "an id of zeros names "
				"nothing");
	if (vhd && id && identity && !vhd_guid_equal(&a->id, &a->identity))
		return vhd_fail(err, VHD_E_INVAL, "a VHD has one id, and two "
				"were given");
	return 0;
}

static int check_vhd(const struct vhd_attrs *a, const struct vhd_info *info,
		     struct vhd_error *err)
{
	size_t len = a->mask & VHD_ATTR_CREATOR && a->creator ?
		     strlen(a->creator) : 0;

	if (len > VHD_CREATOR_LEN)
		return vhd_fail(err, VHD_E_INVAL, "the creator of a VHD has at "
				"most 4 characters, not %zu", len);
	for (size_t i = 0; i < len; i++) {
		if (a->creator[i] < ' ' || a->creator[i] > '~')
			return vhd_fail(err, VHD_E_INVAL, "the creator of a "
					"VHD consists of ASCII characters");
	}
	if (a->mask & VHD_ATTR_TIMESTAMP &&
	    (a->timestamp < VHD_EPOCH ||
	     a->timestamp - VHD_EPOCH > (int64_t)UINT32_MAX))
		return vhd_fail(err, VHD_E_INVAL, "the time stamp of a VHD is "
				"from 2000-01-01 to 2136-02-07");
	if (a->mask & VHD_ATTR_SAVED_STATE && a->saved_state > 1)
		return vhd_fail(err, VHD_E_INVAL, "a marker is 0 or 1");
	if (a->mask & VHD_ATTR_KEYHASH && info->type == VHD_TYPE_FIXED)
		return vhd_fail(err, VHD_E_INVAL, "a fixed disk does not record "
				"the hash of a key");
	return 0;
}

/* UTF-16 units of a text that is UTF-8. */
static size_t units_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		n += (c & 0xc0) != 0x80;
		n += c >= 0xf0;
	}
	return n;
}

static int check_vhdx(const struct vhd_attrs *a, const struct vhd_info *info,
		      struct vhd_error *err)
{
	size_t units = a->mask & VHD_ATTR_CREATOR && a->creator ?
		       units_of(a->creator) : 0;

	if (units > VHDX_CREATOR_UNITS)
		return vhd_fail(err, VHD_E_INVAL, "the creator of a VHDX has at "
				"most 255 characters, not %zu", units);
	if (!(a->mask & VHD_ATTR_PHYSICAL_SECTOR))
		return 0;
	if (a->physical_sector != 512 && a->physical_sector != 4096)
		return vhd_fail(err, VHD_E_INVAL, "physical sectors have 512 or "
				"4096 bytes, not %" PRIu32,
				a->physical_sector);
	if (a->physical_sector < info->logical_sector)
		return vhd_fail(err, VHD_E_INVAL, "physical sectors of %" PRIu32
				" bytes cannot hold logical ones of %" PRIu32,
				a->physical_sector, info->logical_sector);
	return 0;
}

static int check_form(const struct vhd_attrs *a, const struct vhd_info *info,
		      struct vhd_error *err)
{
	bool vhd = info->format == VHD_FORMAT_VHD;
	uint32_t has = vhd ? ATTRS_VHD : ATTRS_VHDX;
	int rc;

	if (info->format == VHD_FORMAT_RAW)
		return vhd_fail(err, VHD_E_INVAL, "a raw disk has no headers");
	if (a->mask & ~has)
		return vhd_fail(err, VHD_E_INVAL, "a %s has no %s",
				vhd ? "VHD" : "VHDX", name_of(a->mask & ~has));
	if (a->mask & VHD_ATTR_CREATOR && !a->creator)
		return vhd_fail(err, VHD_E_INVAL, "no creator is named");
	rc = check_ids(a, vhd, err);
	if (!rc)
		rc = vhd ? check_vhd(a, info, err) : check_vhdx(a, info, err);
	return rc;
}

/*
 * Do children lose something?  A VHD's go by its unique id; a VHDX's by an id
 * that every change a guest can see renews (VHDX-WR-40), and they have the id of
 * the disk and its sectors in common with it (VHDX-ITEM-07).
 */
static bool concerns_children(const struct vhd_attrs *a,
			      const struct vhd_info *info)
{
	if (info->format == VHD_FORMAT_VHD)
		return (a->mask & VHD_ATTR_ID &&
			!vhd_guid_equal(&a->id, &info->id)) ||
		       (a->mask & VHD_ATTR_IDENTITY &&
			!vhd_guid_equal(&a->identity, &info->id));
	return (a->mask & VHD_ATTR_IDENTITY &&
		!vhd_guid_equal(&a->identity, &info->id)) ||
	       (a->mask & VHD_ATTR_ID &&
		!vhd_guid_equal(&a->id, &info->vhdx.disk_id)) ||
	       (a->mask & VHD_ATTR_PHYSICAL_SECTOR &&
		a->physical_sector != info->physical_sector);
}

/*
 * First who it is: the engine gives every changed VHDX another identity, so the
 * wanted one is set once the file counts as changed.
 */
static int apply(struct vhd_image *img, const struct vhd_attrs *in,
		 const struct vhd_info *info, struct vhd_error *err)
{
	const uint32_t ids = VHD_ATTR_ID | VHD_ATTR_IDENTITY;
	bool vhd = info->format == VHD_FORMAT_VHD;
	struct vhd_attrs rest = *in;
	int rc = 0;

	rest.mask &= vhd ? ~ids : ~(uint32_t)VHD_ATTR_IDENTITY;
	if (in->mask & (vhd ? ids : VHD_ATTR_IDENTITY)) {
		rc = vhd_writer_ready(img->writer, err);
		if (!rc)
			rc = vhd_image_identify(img,
						in->mask & VHD_ATTR_IDENTITY ?
						&in->identity : &in->id, err);
	}
	if (!rc && rest.mask)
		rc = vhd_image_set(img, &rest, err);
	return rc;
}

static int set_image(struct vhd_image *img, const struct vhd_attrs *attrs,
		     uint32_t flags, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	int rc = vhd_layer_info(img, 0, &info, err);

	if (!rc)
		rc = check_form(attrs, &info, err);
	if (!rc && attrs->mask)
		rc = vhd_image_set_check(img, attrs, err);
	if (!rc && concerns_children(attrs, &info))
		rc = vhd_kin_refuse(img, flags, err);
	if (!rc && attrs->mask && !(flags & VHD_CHANGE_DRY_RUN))
		rc = apply(img, attrs, &info, err);
	return vhd_err_file(err, rc, vhd_io_name(img->layers[0].io));
}

static int attrs_get(const struct vhd_attrs *in, struct vhd_attrs *out,
		     struct vhd_error *err)
{
	static const struct vhd_attrs none = { 0 };
	int rc = VHD_OPTS_COPY(vhd_attrs, identity, in ? in : &none, out, err);

	return rc ? rc : vhd_flags_check(out->mask, ATTRS_VHD | ATTRS_VHDX,
					 "attributes", err);
}

static int open_get(const struct vhd_open_opts *in, uint32_t flags,
		    struct vhd_open_opts *out, struct vhd_error *err)
{
	const uint32_t known = VHD_CHANGE_DRY_RUN | VHD_CHANGE_ORPHAN;
	int rc = vhd_open_opts_get(in, out, err);

	if (!rc)
		rc = vhd_flags_check(flags, known, "flags", err);
	if (rc)
		return rc;
	/* The headers are this file's alone. */
	out->flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD);
	/* Data is not looked at. */
	out->flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_CIPHERTEXT;
	out->parents = NULL;
	if (!(flags & VHD_CHANGE_DRY_RUN)) {
		out->flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
		out->flags |= VHD_OPEN_RDWR;
	}
	return 0;
}

int vhd_set(const char *path, const struct vhd_attrs *attrs, uint32_t flags,
	    const struct vhd_open_opts *open, struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	struct vhd_open_opts how;
	struct vhd_attrs a;
	int rc, rc2;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = attrs_get(attrs, &a, err);
	if (!rc)
		rc = open_get(open, flags, &how, err);
	if (!rc)
		rc = vhd_open(path, &how, &img, err);
	if (rc)
		return vhd_err_file(err, rc, path);
	rc = set_image(img, &a, flags, err);
	rc2 = vhd_close(&img, rc ? NULL : err);
	return vhd_err_file(err, rc ? rc : rc2, path);
}
