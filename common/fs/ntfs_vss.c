/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadow copies of Windows: restore points, previous versions, backups.
 *
 * They are kept below the file system.  A cluster is copied aside when something
 * is written over it and not before, so the content of a file that was deleted
 * since is where it was, in clusters that $Bitmap calls free.  Behind the boot
 * code of NTFS is a header that says where the list of the copies is; it stays,
 * without a list, when the last of them is gone.
 */
#include "common/fs/ntfs.h"

#include <string.h>

enum {
	HEADER_OFF = 0x1e00,
	HEADER_LEN = 128,
	AT_CATALOG = 48,	/* where the list is in the volume, or 0 */
	AT_VOLUME = 64,		/* the volume's own identity */
	AT_STORE = 80		/* and that of the volume that has the copies */
};

static const uint8_t vss_id[16] = {
	0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e,
	0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52
};

int ntfs_vss_check(struct ntfs *n)
{
	static const uint8_t none[16];
	uint8_t raw[HEADER_LEN];
	int rc = vol_read(n->v, raw, sizeof(raw), HEADER_OFF);

	if (rc || memcmp(raw, vss_id, sizeof(vss_id)))
		return rc;
	if (le64(raw + AT_CATALOG))
		return fs_left(n->v->part, "it has shadow copies: give in Windows "
			       "vssadmin delete shadows /all, and shut it down");
	if (memcmp(raw + AT_STORE, none, 16) &&
	    memcmp(raw + AT_STORE, raw + AT_VOLUME, 16))
		return fs_left(n->v->part, "its shadow copies are kept on "
			       "another volume: give in Windows vssadmin "
			       "delete shadows /all, and vssadmin delete "
			       "shadowstorage");
	return FS_OK;
}
