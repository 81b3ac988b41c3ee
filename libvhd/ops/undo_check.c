/* SPDX-License-Identifier: BSD-2-Clause */
/* Is an image what a repair has left? (U3) */

#include <inttypes.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "ops/undo_priv.h"

int vhd_undo_fail_changed(const struct undo *u, uint64_t off,
			  struct vhd_error *err)
{
	int rc = vhd_fail(err, VHD_E_INVAL,
			  "the image is not as the repair has left it, at 0x%"
			  PRIx64 ": it was changed since, or is another one",
			  off);

	if (err)
		err->off = off;
	return vhd_err_file(err, rc, vhd_io_name(u->image));
}

/* Is what the image has there what the undo file's end says? */
static int check_digest(struct undo *u, uint64_t off, uint64_t len,
			struct vhd_error *err)
{
	uint32_t crc = 0;
	le32 want;
	int rc = vhd_io_read(u->file.io, &want, sizeof(want), u->at, err);

	if (!rc)
		rc = vhd_undo_digest(u->image, off, len, &crc, err);
	u->at += sizeof(want);
	if (!rc && crc != le32_get(want))
		rc = vhd_undo_fail_changed(u, off, err);
	return rc;
}

static int check_rec(void *arg, const struct undo_rec *rec,
		     struct vhd_error *err)
{
	return vhd_undo_is_old(rec) ?
		       check_digest(arg, rec->off, rec->len, err) : 0;
}

/* An undo that was interrupted early has made it longer; its mark is zeros. */
static int check_longer(struct undo *u, uint64_t end, struct vhd_error *err)
{
	uint32_t crc = 0;
	int rc;

	if (u->size - end > u->file.reach - end + sizeof(struct undo_mark_disk))
		return vhd_undo_fail_changed(u, end, err);
	rc = vhd_undo_digest(u->image, end, u->size - end, &crc, err);
	return !rc && crc ? vhd_undo_fail_changed(u, end, err) : rc;
}

/* Has the image a length that the repair has left, or may have left? */
static int check_length(struct undo *u, uint64_t least, uint64_t most,
			struct vhd_error *err)
{
	if (u->size > most)
		return check_longer(u, most, err);
	return u->size < least ? vhd_undo_fail_changed(u, u->size, err) : 0;
}

static int check_done(struct undo *u, struct vhd_error *err)
{
	uint64_t size = u->file.final_len;
	uint64_t length = min_u64(le64_get(u->file.header.length), size);
	uint64_t pos = sizeof(u->file.header);
	int rc = check_length(u, size, size, err);

	u->at = u->file.parts_end + UNDO_SECTOR;
	while (!rc && pos < u->file.parts_end) {
		rc = vhd_undo_file_each(&u->file, pos, check_rec, u, err);
		if (!rc)
			rc = vhd_undo_file_next(&u->file, pos, &pos, err);
	}
	if (!rc)
		rc = check_digest(u, 0, UNDO_HEAD_LEN, err);
	if (!rc)
		rc = check_digest(u, size - min_u64(size, UNDO_TAIL_LEN),
				  UNDO_TAIL_LEN, err);
	return rc ? rc : check_digest(u, length, size - length, err);
}

static int touch_rec(void *arg, const struct undo_rec *rec,
		     struct vhd_error *err)
{
	struct undo *u = arg;
	const struct undo_header_disk *h = &u->file.header;
	(void)err;

	for (uint32_t i = 0; i < le32_get(h->witness_count); i++) {
		if (ranges_overlap(le64_get(h->witness[i].off),
				   UNDO_WITNESS_LEN, rec->off, rec->len))
			u->touched[i] = true;
	}
	return 0;
}

/* A repair that was interrupted: pages that it had no business with. */
static int check_witnesses(struct undo *u, struct vhd_error *err)
{
	const struct undo_header_disk *h = &u->file.header;
	uint64_t pos = sizeof(*h);
	uint8_t page[UNDO_WITNESS_LEN];
	int rc = 0;

	while (!rc && pos < u->file.parts_end) {
		rc = vhd_undo_file_each(&u->file, pos, touch_rec, u, err);
		if (!rc)
			rc = vhd_undo_file_next(&u->file, pos, &pos, err);
	}
	for (uint32_t i = 0; !rc && i < le32_get(h->witness_count); i++) {
		uint64_t off = le64_get(h->witness[i].off);

		if (u->touched[i])
			continue;
		if (!range_in(off, sizeof(page), u->size))
			return vhd_undo_fail_changed(u, off, err);
		rc = vhd_io_read(u->image, page, sizeof(page), off, err);
		if (!rc && vhd_crc32c(0, page, sizeof(page)) !=
				   le32_get(h->witness[i].crc))
			rc = vhd_undo_fail_changed(u, off, err);
	}
	return rc;
}

int vhd_undo_check(struct undo *u, struct vhd_error *err)
{
	int rc;

	if (u->file.done)
		return check_done(u, err);
	rc = check_length(u, u->file.least, u->file.reach, err);
	if (!rc)
		rc = check_witnesses(u, err);
	return rc ? rc : vhd_undo_sweep(u, err);
}
