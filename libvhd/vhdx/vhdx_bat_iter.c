/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_stored.h"

enum { ITER_LEN = 256 * 1024 };

int vhdx_bat_iter_begin(struct vhdx_bat_iter *it, struct vhdx *x,
			uint64_t end_idx, uint64_t budget,
			struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(ITER_LEN);

	if (!buf)
		return vhd_fail_nomem(err);
	*it = (struct vhdx_bat_iter){
		.x = x, .end_idx = end_idx, .budget = budget, .buf = buf,
	};
	return 0;
}

void vhdx_bat_iter_end(struct vhdx_bat_iter *it)
{
	vhd_free(it->buf);
	it->buf = NULL;
}

/* Moves past a hole and reads what comes next; pos_idx is end_idx at the end. */
static int refill(struct vhdx_bat_iter *it, struct vhd_error *err)
{
	uint64_t off = vhdx_bat_file_off(it->x, it->pos_idx);
	uint64_t end = vhdx_bat_file_off(it->x, it->end_idx);
	uint64_t len;
	int rc;

	if (off >= it->stored_end) {
		rc = (it->file_holes ? vhdx_next_in_file : vhdx_next_stored)(
			it->x, off, end, &it->stored_off, &it->stored_end, err);
		if (rc)
			return rc;
		off = it->stored_off;
	}
	it->pos_idx = vhdx_bat_idx_of_off(off - it->x->regions.bat.off);
	it->buf_idx = it->pos_idx;
	len = min_u64(it->stored_end - off, ITER_LEN);
	if (len > it->budget) {
		it->over = true;
		it->buf_count = 0;
		return 0;
	}
	it->budget -= len;
	it->buf_count = vhdx_bat_idx_of_off(len);
	return len ? vhdx_read(it->x, it->buf, len, off, err) : 0;
}

/* Looks through the buffer, from pos_idx on. */
static bool scan(struct vhdx_bat_iter *it, uint64_t *raw_out)
{
	uint64_t end = it->buf_idx + it->buf_count;

	for (; it->pos_idx < end; it->pos_idx++) {
		le64 raw;

		memcpy(&raw, it->buf + (it->pos_idx - it->buf_idx) * sizeof(raw),
		       sizeof(raw));
		*raw_out = le64_get(raw);
		if (*raw_out)
			return true;
	}
	return false;
}

/* Up to an entry that is not zero, reading what is needed for that. */
static int seek(struct vhdx_bat_iter *it, bool *found_out, uint64_t *raw_out,
		struct vhd_error *err)
{
	while (!scan(it, raw_out)) {
		int rc;

		*found_out = false;
		if (it->pos_idx >= it->end_idx)
			return 0;
		rc = refill(it, err);
		if (rc || it->over)
			return rc;
	}
	*found_out = true;
	return 0;
}

int vhdx_bat_iter_span(struct vhdx_bat_iter *it, uint64_t *idx_out,
		       const le64 **ents_out, size_t *count_out,
		       struct vhd_error *err)
{
	uint64_t raw;
	bool found;
	int rc = seek(it, &found, &raw, err);

	*count_out = 0;
	if (rc || !found)
		return rc;
	*idx_out = it->pos_idx;
	*ents_out = (const le64 *)it->buf + (it->pos_idx - it->buf_idx);
	*count_out = (size_t)(it->buf_idx + it->buf_count - it->pos_idx);
	it->pos_idx += *count_out;
	return 0;
}

int vhdx_bat_iter_next(struct vhdx_bat_iter *it, bool *found_out,
		       uint64_t *idx_out, uint64_t *raw_out,
		       struct vhd_error *err)
{
	int rc = seek(it, found_out, raw_out, err);

	if (!rc && *found_out)
		*idx_out = it->pos_idx++;
	return rc;
}
