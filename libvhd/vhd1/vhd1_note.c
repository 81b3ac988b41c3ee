/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tools note in the header of Xen's batmap: a byte of theirs, and what the
 * key of an encrypted disk is known by (VHD-X-15).  The header is one sector, so
 * it changes in one step; its checksum is the map's, which stays as it is.  Of an
 * image that has no batmap the notes are extended attributes of the file.
 *
 * A key is noted while nothing is stored yet: what is there already would be taken
 * for encrypted.
 */
#include "vhd1/vhd1_reshape.h"

#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "io/attr.h"

static int on_entry(void *arg, uint64_t blk, uint32_t entry,
		    struct vhd_error *err)
{
	uint64_t *first = arg;

	(void)entry;
	(void)err;
	*first = blk;
	return 1;
}

static int empty_check(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t first = VHD_NO_OFFSET;
	const struct vhd1_walk walk = { .fn = on_entry, .arg = &first };
	int rc = vhd1_table_walk(v, &walk, err);

	if (rc || first == VHD_NO_OFFSET)
		return rc;
	return vhd_fail(err, VHD_E_INVAL, "block %" PRIu64 " is allocated: the "
			"hash of a key is recorded in an empty image only",
			first);
}

int vhd1_note_make(struct vhd1 *v, const struct vhd_attrs *what,
		   struct vhd1_batmap *out, struct vhd_error *err)
{
	int rc;

	if (!(what->mask & (VHD_ATTR_MARKER | VHD_ATTR_KEYHASH)))
		return 0;
	if (what->mask & VHD_ATTR_KEYHASH && !vhd1_is_sparse(v))
		return vhd_fail(err, VHD_E_INVAL, "the hash of a key is "
				"recorded in a disk that has blocks");
	if (what->mask & VHD_ATTR_MARKER)
		out->marker = what->marker;
	if (!(what->mask & VHD_ATTR_KEYHASH))
		return 0;
	rc = empty_check(v, err);
	if (rc)
		return rc;
	out->key_cookie = 1;
	memcpy(out->key_nonce, what->key_nonce, sizeof(out->key_nonce));
	memcpy(out->key_hash, what->key_hash, sizeof(out->key_hash));
	return 0;
}

static bool same(const struct vhd1_batmap *a, const struct vhd1_batmap *b)
{
	return a->marker == b->marker && a->key_cookie == b->key_cookie &&
	       !memcmp(a->key_nonce, b->key_nonce, sizeof(a->key_nonce)) &&
	       !memcmp(a->key_hash, b->key_hash, sizeof(a->key_hash));
}

static int attr_put(struct vhd1 *v, const char *name, const void *buf,
		    size_t len, struct vhd_error *err)
{
	int rc = vhd_io_attr_set(v->io, name, buf, len, err);

	return rc ? rc : vhd1_flush(v, err);
}

static int attrs_put(struct vhd1 *v, const struct vhd_attrs *what,
		     const struct vhd1_batmap *note, struct vhd_error *err)
{
	struct vhd1_keyhash_disk key = { .cookie = 1 };
	int rc = 0;

	if (what->mask & VHD_ATTR_MARKER)
		rc = attr_put(v, VHD1_ATTR_MARKER, &note->marker,
			      sizeof(note->marker), err);
	if (rc || !(what->mask & VHD_ATTR_KEYHASH))
		return rc;
	memcpy(key.nonce, note->key_nonce, sizeof(key.nonce));
	memcpy(key.hash, note->key_hash, sizeof(key.hash));
	return attr_put(v, VHD1_ATTR_KEYHASH, &key, sizeof(key), err);
}

int vhd1_note_put(struct vhd1 *v, const struct vhd_attrs *what,
		  const struct vhd1_batmap *note, struct vhd_error *err)
{
	uint8_t raw[VHD1_BATMAP_LEN];
	int rc;

	if (!v->has_batmap)
		return attrs_put(v, what, note, err);
	if (same(&v->batmap, note))
		return 0;
	rc = vhd1_ready(v, err);
	if (rc)
		return rc;
	v->batmap = *note;
	vhd1_batmap_encode(note, raw);
	rc = vhd_io_write(v->io, raw, sizeof(raw), v->batmap_hdr_off, err);
	return rc ? rc : vhd1_flush(v, err);
}
