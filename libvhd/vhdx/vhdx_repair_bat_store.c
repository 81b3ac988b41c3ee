/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How changed pages of the table and of the metadata reach the file: through
 * the log, as every change of metadata must (VHDX-LOG), so that no entry is ever
 * half an old and half a new one.  Copies and lengths that a commit relies on
 * are durable before its first entry is.
 *
 * Before the first of them the file gets a new FileWriteGuid, durably
 * (VHDX-HDR-14).  The DataWriteGuid, by which children know their parent, changes
 * only before a step that takes away or replaces bytes that could be read; an
 * error that becomes zeros is no reason to tear a chain apart.
 *
 * A file that has no place for a log is mended in place, and so is one that is
 * opened once to be copied (salvage).  A page is then written between two
 * flushes; entries are eight bytes in one sector, and whatever a torn page holds
 * of them, old or new, was sound or is what the undo file knows.
 */
#include "base/fail.h"
#include "base/guid.h"
#include "vhdx/vhdx_log_priv.h"
#include "vhdx/vhdx_repair_bat_priv.h"

void vhdx_mend_store_begin(struct vhdx_mend_store *s,
			   const struct vhd_engine_repair *req,
			   const struct vhdx *x)
{
	*s = (struct vhdx_mend_store){
		.io = req->io,
		.direct = req->salvage,
		.touched = req->salvage,
		.visible = req->salvage,
		.headers = x->headers,
		.bat_off = x->regions.bat.off,
		.bat_len = x->regions.bat.len,
	};
}

/* Both slots, one after the other (VHDX-HDR-22). */
static int identity_renew(struct vhdx_mend_store *s, bool visible,
			  struct vhd_error *err)
{
	struct vhdx_update u = { s->io, s->headers };
	struct vhdx_header h = *vhdx_update_current(&u);
	int rc = 0;

	if (!s->touched)
		rc = vhd_guid_fresh(&h.file_write_guid, err);
	if (!rc && visible)
		rc = vhd_guid_fresh(&h.data_write_guid, err);
	if (!rc)
		rc = vhd_io_flush(s->io, err);
	if (!rc)
		rc = vhdx_header_renumber(&u, err);
	if (!rc)
		rc = vhdx_header_write(&u, &h, err);
	if (!rc)
		rc = vhd_io_flush(s->io, err);
	if (!rc)
		rc = vhdx_header_copy(&u, err);
	if (!rc)
		rc = vhd_io_flush(s->io, err);
	if (rc)
		return rc;
	s->headers = u.headers;
	s->touched = true;
	s->visible = s->visible || visible;
	return 0;
}

/* The headers as the log has left them. */
static int log_end(struct vhdx_mend_store *s, struct vhd_error *err)
{
	int rc;

	if (!s->log)
		return 0;
	rc = vhdx_log_shut(s->log, err);
	if (rc)
		return rc;
	s->headers = s->log->update.headers;
	vhdx_log_free(s->log);
	s->log = NULL;
	return 0;
}

static int store_open(struct vhdx_mend_store *s, struct vhd_error *err)
{
	struct vhdx_log_new how = { s->io, &s->headers, s->bat_off,
				    s->bat_len };
	struct vhd_error e = { .code = 0 };
	int rc = 0;

	if (s->log || (s->direct && s->touched))
		return 0;
	if (!s->touched)
		rc = identity_renew(s, false, err);
	if (rc || s->direct)
		return rc;
	rc = vhdx_log_new(&how, &s->log, &e);
	s->direct = rc && e.rule == vhd_rule_get(RULE_VHDX_LOG_PLACE);
	if (!rc || s->direct)
		return 0;
	if (err)
		*err = e;
	return rc;
}

int vhdx_mend_store_visible(struct vhdx_mend_store *s, struct vhd_error *err)
{
	int rc;

	if (s->visible)
		return 0;
	rc = log_end(s, err);
	return rc ? rc : identity_renew(s, true, err);
}

int vhdx_mend_store_page(struct vhdx_mend_store *s, uint64_t off,
			 const uint8_t *page, struct vhd_error *err)
{
	return vhd_pending_put(&s->set, off, page, VHD_PENDING_WHOLE, err);
}

static int write_direct(struct vhdx_mend_store *s, struct vhd_error *err)
{
	int rc = vhd_io_flush(s->io, err);

	for (size_t i = 0; !rc && i < s->set.count; i++)
		rc = vhd_io_write(s->io, s->set.pages[i].bytes, VHD_PAGE_SIZE,
				  s->set.pages[i].off, err);
	return rc ? rc : vhd_io_flush(s->io, err);
}

int vhdx_mend_store_commit(struct vhdx_mend_store *s, uint64_t last_off,
			   struct vhd_error *err)
{
	int rc;

	if (!s->set.count)
		return 0;
	rc = store_open(s, err);
	vhd_pending_sort(&s->set);
	if (!rc && s->direct)
		rc = write_direct(s, err);
	else if (!rc)
		rc = vhdx_log_store(s->log, &s->set, VHD_COMMIT_SYNC, true,
				    last_off, err);
	if (!rc)
		vhd_pending_clear(&s->set);
	return rc;
}

int vhdx_mend_store_end(struct vhdx_mend_store *s, uint64_t last_off,
			struct vhd_error *err)
{
	int rc = vhdx_mend_store_commit(s, last_off, err);

	if (!rc)
		rc = log_end(s, err);
	return rc ? rc : vhd_io_flush(s->io, err);
}

void vhdx_mend_store_free(struct vhdx_mend_store *s)
{
	vhd_pending_clear(&s->set);
	vhdx_log_free(s->log);
	s->log = NULL;
}

int vhdx_mend_store_read(struct vhdx_mend_store *s, void *buf, size_t len,
			 uint64_t off, struct vhd_error *err)
{
	int rc = s->log ? vhdx_log_read(s->log, buf, len, off, err)
			: vhd_io_read_padded(s->io, buf, len, off, err);

	if (!rc)
		vhd_pending_overlay_range(&s->set, off, buf, len);
	return rc;
}
