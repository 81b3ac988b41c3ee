/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhdx/vhdx_item.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"

/* Of an item, in one entry with the table and what else there is. */
enum { TOGETHER_LEN = 60 * 4096 };

int vhdx_item_table(const struct vhdx *x, struct vhdx_meta_table *out,
		    struct vhd_error *err)
{
	static const struct vhd_sink quiet;

	return vhdx_load_table(x, out, &quiet, err);
}

int vhdx_item_set(struct vhdx_edit *e, enum vhdx_item item, const void *bytes,
		  struct vhd_error *err)
{
	const struct vhdx *x = e->x;
	struct vhdx_meta_table table;
	int rc = vhdx_item_table(x, &table, err);

	if (rc)
		return rc;
	return vhdx_edit_put(e, bytes, vhdx_item_kind(item)->len,
			     x->regions.metadata.off + table.item[item].off,
			     err);
}

/* The table of the region in memory. */
struct table {
	uint8_t bytes[VHDX_META_TABLE_LEN];
	uint64_t region_len;
};

static struct vhdx_meta_ent_disk *ent_at(struct table *t, uint32_t idx)
{
	return (void *)(t->bytes + sizeof(struct vhdx_meta_hdr_disk) +
			idx * sizeof(struct vhdx_meta_ent_disk));
}

/* At most VHDX_META_MAX: it was decoded. */
static uint32_t ent_count(const struct table *t)
{
	const struct vhdx_meta_hdr_disk *hdr = (const void *)t->bytes;

	return le16_get(hdr->count);
}

/* A known item, which is there. */
static struct vhdx_meta_ent_disk *ent_find(struct table *t, enum vhdx_item item)
{
	struct vhdx_meta_ent_disk *ent = NULL;
	struct vhd_guid guid;

	for (uint32_t i = 0; i < ent_count(t); i++) {
		ent = ent_at(t, i);
		vhd_guid_from_mixed(ent->guid, &guid);
		if (vhd_guid_equal(&guid, vhdx_item_kind(item)->guid) &&
		    !(le32_get(ent->flags) & VHDX_META_USER))
			break;
	}
	return ent;
}

/* The end of an item that lies in [off, off + len), or @off. */
static uint64_t behind(struct table *t, uint64_t off, uint32_t len)
{
	for (uint32_t i = 0; i < ent_count(t); i++) {
		const struct vhdx_meta_ent_disk *ent = ent_at(t, i);
		uint64_t at = le32_get(ent->off), n = le32_get(ent->len);

		if (ranges_overlap(off, len, at, n))
			return align_up(at + n, 8);
	}
	return off;
}

/* Free space of the region; each round passes one item at least. */
static bool find_room(struct table *t, uint32_t len, uint32_t *off_out)
{
	uint64_t off, next = VHDX_META_TABLE_LEN;

	do {
		off = next;
		if (!range_in(off, len, t->region_len))
			return false;
		next = behind(t, off, len);
	} while (next != off);
	*off_out = (uint32_t)off;
	return true;
}

/* Into space that nothing names yet: as many entries as it needs. */
static int bytes_put(struct vhdx_edit *e, const uint8_t *bytes, uint32_t len,
		     uint64_t off, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		uint32_t n = (uint32_t)min_u64(len, TOGETHER_LEN);

		rc = vhdx_edit_put(e, bytes, n, off, err);
		bytes += n;
		off += n;
		len -= n;
		if (!rc && len)
			rc = vhdx_edit_store(e, err);
	}
	return rc;
}

static int replace(struct vhdx_edit *e, struct table *t, enum vhdx_item item,
		   const uint8_t *bytes, uint32_t len, struct vhd_error *err)
{
	struct vhdx_meta_ent_disk *ent = ent_find(t, item);
	uint64_t base_off = e->x->regions.metadata.off;
	uint64_t ent_off = (uint64_t)((uint8_t *)ent - t->bytes);
	uint32_t off = le32_get(ent->off);
	int rc;

	if ((len > le32_get(ent->len) || len > TOGETHER_LEN) &&
	    !find_room(t, len, &off))
		return vhd_fail(err, VHD_E_NOSPACE,
				"the metadata region has no room for %s of %u"
				" bytes", vhdx_item_kind(item)->name, len);
	ent->off = le32_make(off);
	ent->len = le32_make(len);
	rc = bytes_put(e, bytes, len, base_off + off, err);
	if (!rc)
		rc = vhdx_edit_put(e, ent, sizeof(*ent), base_off + ent_off,
				   err);
	return rc ? rc : vhdx_edit_store(e, err);
}

int vhdx_item_replace(struct vhdx_edit *e, enum vhdx_item item,
		      const uint8_t *bytes, uint32_t len,
		      struct vhd_error *err)
{
	const struct vhdx_place *region = &e->x->regions.metadata;
	struct table *t = vhd_alloc(sizeof(*t));
	int rc;

	if (!t)
		return vhd_fail_nomem(err);
	t->region_len = region->len;
	rc = vhdx_read(e->x, t->bytes, sizeof(t->bytes), region->off, err);
	if (!rc)
		rc = replace(e, t, item, bytes, len, err);
	vhd_free(t);
	return rc;
}
