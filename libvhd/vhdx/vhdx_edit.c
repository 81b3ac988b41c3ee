/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhdx/vhdx_edit.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"

int vhdx_edit_begin(struct vhdx_edit *e, struct vhdx *x, struct vhd_error *err)
{
	*e = (struct vhdx_edit){ .x = x };
	return vhd_writer_calm(x->write->w, err);
}

void vhdx_edit_end(struct vhdx_edit *e)
{
	vhd_pending_clear(&e->set);
}

/* @len bytes at @at of the page at @page_off. */
static int page_put(struct vhdx_edit *e, uint64_t page_off, size_t at,
		    const void *bytes, size_t len, struct vhd_error *err)
{
	const struct vhd_pending_page *have = vhd_pending_find(&e->set,
							       page_off);
	uint8_t page[VHD_PAGE_SIZE];
	int rc = 0;

	if (have)
		memcpy(page, have->bytes, sizeof(page));
	else
		rc = vhdx_read(e->x, page, sizeof(page), page_off, err);
	if (rc || !memcmp(page + at, bytes, len))
		return rc;
	memcpy(page + at, bytes, len);
	return vhd_pending_put(&e->set, page_off, page, VHD_PENDING_WHOLE, err);
}

int vhdx_edit_put(struct vhdx_edit *e, const void *bytes, size_t len,
		  uint64_t off, struct vhd_error *err)
{
	const uint8_t *from = bytes;
	int rc = 0;

	while (!rc && len) {
		size_t at = (size_t)(off % VHD_PAGE_SIZE);
		size_t n = (size_t)min_u64(len, VHD_PAGE_SIZE - at);

		rc = page_put(e, off - at, at, from, n, err);
		from += n;
		off += n;
		len -= n;
	}
	return rc;
}

static int store_step(void *eng, void *arg, struct vhd_error *err)
{
	const struct vhdx_edit *e = arg;
	struct vhdx *x = eng;
	int rc = vhdx_log_store(x->write->log, &e->set, VHD_COMMIT_SYNC, true,
				atomic_load(&x->write->last_off), err);

	/* What is in the cache is older now. */
	for (size_t i = 0; !rc && i < e->set.count; i++)
		vhd_pcache_drop(x->pages, e->set.pages[i].off);
	return rc;
}

int vhdx_edit_store(struct vhdx_edit *e, struct vhd_error *err)
{
	int rc;

	if (e->set.count > VHDX_EDIT_PAGES)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"a change of %zu pages does not fit one entry"
				" of the log", e->set.count);
	if (!e->set.count)
		return 0;
	rc = vhd_writer_aside(e->x->write->w, store_step, e, err);
	if (!rc)
		vhd_pending_clear(&e->set);
	return rc;
}

static int settle_step(void *eng, void *arg, struct vhd_error *err)
{
	struct vhdx *x = eng;

	(void)arg;
	return vhdx_log_settle(x->write->log, atomic_load(&x->write->last_off),
			       err);
}

int vhdx_settle(struct vhdx *x, struct vhd_error *err)
{
	return vhd_writer_aside(x->write->w, settle_step, NULL, err);
}
