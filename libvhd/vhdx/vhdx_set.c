/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What headers and metadata say beside the size.
 *
 * Items change together, in one entry of the log; the guest sees them, so that
 * the data gets a new identity before, unless the caller has named one
 * (VHDX-WR-40).
 *
 * The creator lies beside the signature, in a part of the file that should not
 * be written again after it was made (VHDX-FTI-02): a write that goes wrong there
 * could hide what the file is.  It is changed only on request.  The signature's
 * own bytes are not in the write, so a tear between sectors leaves it whole, and
 * at worst a text of which one half is new; nothing depends on that
 * (VHDX-FTI-03), and the same request mends it.
 */
#include <string.h>

#include "base/fail.h"
#include "base/guid.h"
#include "base/utf16.h"
#include "vhdx/vhdx_item.h"

enum {
	CREATOR_UNITS = 256,
	CREATOR_OFF = 8,		/* behind the signature */
	GUEST_SEES = VHD_ATTR_ID | VHD_ATTR_PHYSICAL_SECTOR,
	KNOWN = GUEST_SEES | VHD_ATTR_IDENTITY | VHD_ATTR_CREATOR
};

static int creator_encode(const char *text, uint8_t bytes[2 * CREATOR_UNITS],
			  struct vhd_error *err)
{
	size_t units;

	memset(bytes, 0, 2 * CREATOR_UNITS);
	if (!text || !vhd_utf16_encode(text, VHD_UTF16_LE, bytes, CREATOR_UNITS,
				       &units))
		return vhd_fail(err, VHD_E_INVAL, "the creator has to be UTF-8"
				" of at most %d UTF-16 units", CREATOR_UNITS);
	return 0;
}

static int physical_check(const struct vhdx *x, uint32_t size,
			  struct vhd_error *err)
{
	if (vhdx_sector_size_ok(size) && size >= x->meta.logical_sector)
		return 0;
	return vhd_fail(err, VHD_E_INVAL,
			"a physical sector of %u bytes is not possible: it has"
			" 512 or 4096, and no less than the logical one, which"
			" has %u", size, x->meta.logical_sector);
}

static int attrs_check(const struct vhdx *x, const struct vhd_attrs *what,
		       struct vhd_error *err)
{
	uint8_t bytes[2 * CREATOR_UNITS];
	int rc = 0;

	if (what->mask & ~(uint32_t)KNOWN)
		return vhd_fail(err, VHD_E_INVAL,
				"a VHDX has no mark for hidden or saved state,"
				" no original size and no time stamp");
	if ((what->mask & VHD_ATTR_ID && vhd_guid_is_zero(&what->id)) ||
	    (what->mask & VHD_ATTR_IDENTITY &&
	     vhd_guid_is_zero(&what->identity)))
		return vhd_fail(err, VHD_E_INVAL,
				"a GUID of zeros is no identity");
	if (what->mask & VHD_ATTR_PHYSICAL_SECTOR)
		rc = physical_check(x, what->physical_sector, err);
	if (!rc && what->mask & VHD_ATTR_CREATOR)
		rc = creator_encode(what->creator, bytes, err);
	return rc;
}

/* What of it is not so already. */
static uint32_t attrs_new(const struct vhdx *x, const struct vhd_attrs *what)
{
	uint32_t mask = what->mask;
	struct vhdx_header h;

	vhdx_log_header(x->write->log, &h);
	if (vhd_guid_equal(&what->id, &x->meta.disk_id))
		mask &= ~(uint32_t)VHD_ATTR_ID;
	if (vhd_guid_equal(&what->identity, &h.data_write_guid) &&
	    !(mask & GUEST_SEES))
		mask &= ~(uint32_t)VHD_ATTR_IDENTITY;
	if (what->physical_sector == x->meta.physical_sector)
		mask &= ~(uint32_t)VHD_ATTR_PHYSICAL_SECTOR;
	if (mask & VHD_ATTR_CREATOR && !strcmp(what->creator, x->creator))
		mask &= ~(uint32_t)VHD_ATTR_CREATOR;
	return mask;
}

static int items_set(struct vhdx *x, const struct vhd_attrs *what,
		     uint32_t mask, struct vhd_error *err)
{
	le32 sector = le32_make(what->physical_sector);
	struct vhdx_edit e;
	uint8_t id[16];
	int rc = vhdx_edit_begin(&e, x, err);

	vhd_guid_to_mixed(&what->id, id);
	if (!rc && mask & VHD_ATTR_ID)
		rc = vhdx_item_set(&e, VHDX_ITEM_DISK_ID, id, err);
	if (!rc && mask & VHD_ATTR_PHYSICAL_SECTOR)
		rc = vhdx_item_set(&e, VHDX_ITEM_PHYSICAL_SECTOR, &sector, err);
	if (!rc)
		rc = vhdx_edit_store(&e, err);
	vhdx_edit_end(&e);
	if (rc)
		return rc;
	if (mask & VHD_ATTR_ID)
		x->meta.disk_id = what->id;
	if (mask & VHD_ATTR_PHYSICAL_SECTOR)
		x->meta.physical_sector = what->physical_sector;
	return 0;
}

static int creator_set(struct vhdx *x, const char *text, struct vhd_error *err)
{
	uint8_t bytes[2 * CREATOR_UNITS];
	int rc = creator_encode(text, bytes, err);

	if (!rc)
		rc = vhd_io_write(x->io, bytes, sizeof(bytes),
				  VHDX_IDENT_OFF + CREATOR_OFF, err);
	if (!rc)
		rc = vhd_io_flush(x->io, err);
	return rc;
}

int vhdx_set_check(void *eng, const struct vhd_attrs *what,
		   struct vhd_error *err)
{
	return attrs_check(eng, what, err);
}

int vhdx_set(void *eng, const struct vhd_attrs *what, struct vhd_error *err)
{
	struct vhdx *x = eng;
	uint32_t mask;
	int rc = attrs_check(x, what, err);

	if (rc)
		return rc;
	mask = attrs_new(x, what);
	if (!mask)
		return 0;
	if (mask & VHD_ATTR_IDENTITY)
		rc = vhdx_identify(x, &what->identity, err);
	else if (!(mask & GUEST_SEES))
		vhdx_log_keep(x->write->log);
	if (!rc)
		rc = items_set(x, what, mask, err);
	if (!rc && mask & VHD_ATTR_CREATOR)
		rc = creator_set(x, what->creator, err);
	return rc;
}
