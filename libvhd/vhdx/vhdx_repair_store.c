/* SPDX-License-Identifier: BSD-2-Clause */
/* How changes of region tables and metadata reach the file. */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "vhdx/vhdx_log.h"
#include "vhdx/vhdx_repair_priv.h"
#include "vhdx/vhdx_update.h"

int vhdx_fix_headers_write(struct vhdx_fix *m, const struct vhdx_header *fields,
			   struct vhd_error *err)
{
	struct vhdx_update u = { m->io, m->headers };
	struct vhdx_header h = *fields;
	int rc = vhd_guid_fresh(&h.file_write_guid, err);

	m->next = VHDX_FIX_AGAIN;
	if (!rc)
		rc = vhd_io_flush(m->io, err);
	if (!rc)
		rc = vhdx_header_renumber(&u, err);
	if (!rc)
		rc = vhdx_header_write(&u, &h, err);
	if (!rc)
		rc = vhd_io_flush(m->io, err);
	if (!rc)
		rc = vhdx_header_copy(&u, err);
	if (!rc)
		rc = vhd_io_flush(m->io, err);
	m->headers = u.headers;
	return rc;
}

/* What the log writer has made of the headers. */
static int headers_reload(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	uint8_t *buf = vhd_alloc(2 * VHDX_HEADER_LEN);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = vhd_io_read(m->io, buf, VHDX_HEADER_LEN, VHDX_HEADER1_OFF, err);
	if (!rc)
		rc = vhd_io_read(m->io, buf + VHDX_HEADER_LEN, VHDX_HEADER_LEN,
				 VHDX_HEADER2_OFF, err);
	if (!rc && vhdx_headers_decode(buf, buf + VHDX_HEADER_LEN, &m->headers,
				       &notes) != VHD_RULE_NONE)
		rc = vhdx_notes_fail(&notes, 0, err);
	vhd_free(buf);
	return rc;
}

static int store_logged(struct vhdx_fix *m, const struct vhd_pending *set,
			struct vhd_error *err)
{
	/* None of the pages is in the table: it needs no order of its own. */
	struct vhdx_log_new how = { .io = m->io, .headers = &m->headers };
	struct vhdx_log *log = NULL;
	int rc = vhdx_log_new(&how, &log, err);

	if (!rc)
		rc = vhdx_log_store(log, set, VHD_COMMIT_SYNC, true,
				    align_down(m->file_size, MiB), err);
	if (!rc)
		rc = vhdx_log_shut(log, err);
	vhdx_log_free(log);
	return rc ? rc : headers_reload(m, err);
}

static int store_direct(struct vhdx_fix *m, struct vhd_pending *set,
			struct vhd_error *err)
{
	int rc = 0;

	vhd_pending_sort(set);
	for (size_t i = set->count; !rc && i-- > 0;) {
		rc = vhd_io_write(m->io, set->pages[i].bytes, VHD_PAGE_SIZE,
				  set->pages[i].off, err);
		if (!rc)
			rc = vhd_io_flush(m->io, err);
	}
	return rc;
}

int vhdx_fix_store(struct vhdx_fix *m, struct vhd_pending *set,
		   struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_fix_header(m);
	int rc = 0;

	if (m->visible)
		rc = vhd_guid_fresh(&h.data_write_guid, err);
	if (!rc)
		rc = vhdx_fix_headers_write(m, &h, err);
	if (rc)
		return rc;
	if (m->req->salvage || !m->log.len)
		return store_direct(m, set, err);
	return store_logged(m, set, err);
}

int vhdx_fix_put(struct vhdx_fix *m, struct vhd_pending *set, uint64_t off,
		 const void *bytes, size_t len, struct vhd_error *err)
{
	const uint8_t *from = bytes;

	while (len) {
		uint64_t page_off = align_down(off, VHD_PAGE_SIZE);
		size_t at = (size_t)(off - page_off);
		size_t n = (size_t)min_u64(len, VHD_PAGE_SIZE - at);
		uint8_t page[VHD_PAGE_SIZE];
		int rc = vhd_io_read_padded(m->io, page, sizeof(page),
					    page_off, err);

		if (rc)
			return rc;
		vhd_pending_overlay(set, page_off, page);
		memcpy(page + at, from, n);
		rc = vhd_pending_put(set, page_off, page, VHD_PENDING_WHOLE,
				     err);
		if (rc)
			return rc;
		off += n;
		from += n;
		len -= n;
	}
	return 0;
}
