/* SPDX-License-Identifier: BSD-2-Clause */
/* What a child says about its parent (vhdx.md 12). */
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "codec/vhdx_locator.h"
#include "vhdx/vhdx.h"

/* The order in which paths are tried (VHDX-PAR-14). */
static const struct {
	enum vhdx_key key;
	enum vhd_locator_kind kind;
} path_kind[VHDX_PATHS_MAX] = {
	{ VHDX_KEY_RELATIVE, VHD_LOCATOR_RELATIVE },
	{ VHDX_KEY_VOLUME, VHD_LOCATOR_VOLUME },
	{ VHDX_KEY_ABSOLUTE, VHD_LOCATOR_ABSOLUTE },
};

static int add_path(struct vhdx *x, const struct vhdx_locator *loc, size_t i,
		    struct vhd_error *err)
{
	const struct vhdx_locator_str *str = &loc->value[path_kind[i].key];
	struct vhd_locator *path = &x->paths[x->path_count];
	char *text;

	if (!str->len)
		return 0;
	/* At most 64 KiB of UTF-16: the length is a 16-bit field. */
	text = vhd_alloc(vhdx_locator_room(str));
	if (!text)
		return vhd_fail_nomem(err);
	if (!vhdx_locator_text(loc, str, text)) {
		vhd_free(text);
		return 0;
	}
	path->kind = path_kind[i].kind;
	path->text = text;
	x->path_text[x->path_count] = text;
	snprintf(path->code, sizeof(path->code), "%s",
		 vhdx_key_name(path_kind[i].key));
	x->path_count++;
	return 0;
}

static int take(struct vhdx *x, const struct vhdx_locator *loc,
		struct vhd_error *err)
{
	x->parent_ids[0] = loc->linkage;
	x->parent_id_count = 1;
	/* Zero is what Windows writes for "none" (VHDX-PAR-12). */
	if (!vhd_guid_is_zero(&loc->linkage2))
		x->parent_ids[x->parent_id_count++] = loc->linkage2;
	for (size_t i = 0; i < VHDX_PATHS_MAX; i++) {
		int rc = add_path(x, loc, i, err);

		if (rc)
			return rc;
	}
	return 0;
}

int vhdx_load_parent(struct vhdx *x, uint64_t file_off, uint32_t len,
		     const struct vhd_sink *sink, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_locator loc;
	/* At most VHDX_META_ITEM_MAX, inside the region. */
	uint8_t *item = vhd_alloc(len ? len : 1);
	int rc;

	if (!item)
		return vhd_fail_nomem(err);
	rc = vhdx_read(x, item, len, file_off, err);
	if (rc)
		goto out;
	if (vhdx_locator_decode(item, len, &loc, &notes) != VHD_RULE_NONE) {
		rc = vhdx_notes_fail(&notes, file_off, err);
		goto out;
	}
	vhdx_notes_report(&notes, sink, file_off);
	rc = take(x, &loc, err);
out:
	vhd_free(item);
	return rc;
}

bool vhdx_parent(void *eng, struct vhd_parent_ref *out)
{
	const struct vhdx *x = eng;

	if (!x->meta.has_parent)
		return false;
	*out = (struct vhd_parent_ref){
		.ids = { x->parent_ids[0], x->parent_ids[1] },
		.id_count = x->parent_id_count,
		.locators = x->paths,
		.locator_count = x->path_count,
	};
	return true;
}
