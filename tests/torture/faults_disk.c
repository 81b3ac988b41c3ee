/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"

#define MAGIC UINT64_C(0x544c554146444856)
#define BIT(content) (UINT64_C(1) << (content))

enum { EXTENTS = 64, PIECE = 64 * 1024, PAGE = 4096 };

static struct {
	bool armed, sticky;
	uint64_t at, count;
} memory;

bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	if (!memory.armed)
		return true;
	memory.count++;
	return memory.sticky ? memory.count < memory.at
			     : memory.count != memory.at;
}

void fault_alloc_arm(uint64_t at, bool sticky)
{
	memory.armed = true;
	memory.sticky = sticky;
	memory.at = at;
	memory.count = 0;
}

uint64_t fault_alloc_disarm(void)
{
	memory.armed = false;
	return memory.count;
}

void fault_stamp(unsigned content, uint64_t sec, uint8_t out[FAULT_SEC])
{
	uint64_t w[FAULT_SEC / 8];

	if (content == CONTENT_ZEROS) {
		memset(out, 0, FAULT_SEC);
		return;
	}
	w[0] = MAGIC;
	w[1] = content;
	w[2] = sec;
	for (size_t i = 3; i < FAULT_SEC / 8; i++)
		w[i] = (sec << 16 ^ content << 8 ^ i) *
		       UINT64_C(0x9e3779b97f4a7c15) | 1;
	memcpy(out, w, FAULT_SEC);
}

/* CONTENT_LAST + 1 for what nobody ever wrote there. */
static unsigned content_of(const uint8_t *bytes, uint64_t sec)
{
	uint8_t want[FAULT_SEC];
	uint64_t w[3];

	if (torture_zeros(bytes, FAULT_SEC))
		return CONTENT_ZEROS;
	memcpy(w, bytes, sizeof(w));
	if (w[0] != MAGIC || w[1] > CONTENT_LAST || w[2] != sec)
		return CONTENT_LAST + 1;
	fault_stamp((unsigned)w[1], sec, want);
	return memcmp(want, bytes, FAULT_SEC) ? CONTENT_LAST + 1
					      : (unsigned)w[1];
}

static void see(const uint64_t *may, uint64_t sec, unsigned content,
		const char *when)
{
	if (content > CONTENT_LAST)
		torture_fail("%s: sector %" PRIu64 " of the windows holds what "
			     "nobody wrote there", when, sec);
	if (!(may[sec] & BIT(content)))
		torture_fail("%s: sector %" PRIu64 " of the windows holds "
			     "content %u, allowed are 0x%" PRIx64, when, sec,
			     content, may[sec]);
}

static void see_zeros(const uint64_t *may, uint64_t sec, uint64_t count,
		      const char *when)
{
	for (; count; count--, sec++) {
		if (!(may[sec] & BIT(CONTENT_ZEROS)))
			see(may, sec, CONTENT_ZEROS, when);
	}
}

static void see_stored(struct vhd_image *img, const uint64_t *may, uint64_t at,
		       const struct vhd_extent *e, const char *when)
{
	static uint8_t buf[PIECE];
	struct vhd_error err;

	for (uint64_t done = 0, n; done < e->len; done += n) {
		n = min_u64(e->len - done, PIECE);
		torture_ok(vhd_pread(img, buf, (size_t)n, e->off + done, &err),
			   when, &err);
		for (uint64_t i = 0; i < n; i += FAULT_SEC) {
			uint64_t sec = (at + done + i) / FAULT_SEC;

			if (i % PAGE == 0 && n - i >= PAGE &&
			    torture_zeros(buf + i, PAGE)) {
				see_zeros(may, sec, PAGE / FAULT_SEC, when);
				i += PAGE - FAULT_SEC;
				continue;
			}
			see(may, sec, content_of(buf + i, sec), when);
		}
	}
}

void fault_verify(struct fault_disk *d, struct vhd_image *img,
		  const uint64_t *may, const char *when)
{
	uint64_t used = torture_used(&d->shape), at = 0;
	uint32_t kinds = d->plan.kinds;
	bool armed = memory.armed;
	struct vhd_extent ext[EXTENTS];
	struct vhd_error err;
	size_t n;

	/* Looking must not disturb. */
	d->plan.kinds = 0;
	memory.armed = false;
	while (at < used) {
		torture_ok(vhd_resolve(img, torture_guest(&d->shape, at),
				       torture_in_window(&d->shape, at), ext,
				       EXTENTS, &n, &err), when, &err);
		for (size_t i = 0; i < n; at += ext[i].len, i++) {
			if (ext[i].kind == VHD_EXTENT_ZERO)
				see_zeros(may, at / FAULT_SEC,
					  ext[i].len / FAULT_SEC, when);
			else
				see_stored(img, may, at, &ext[i], when);
		}
	}
	d->plan.kinds = kinds;
	memory.armed = armed;
}

/*
 * What a call may say: it failed, and why, and how it goes on.  @metadata: no
 * guest data is in it, so what does not pass is the end of all writing.
 */
static bool worked(struct fault_disk *d, int rc, const struct vhd_error *err,
		   bool metadata, const char *what)
{
	bool full = d->os_errno == ENOSPC;

	if (!rc && !d->poisoned)
		return true;
	if (!rc)
		torture_fail("%s works after a failure that is final", what);
	if (err->code != rc || !err->msg[0])
		torture_fail("%s fails with %s and without a sentence", what,
			     vhd_status_name(rc));
	if (d->poisoned && rc != VHD_E_POISONED)
		torture_fail("%s gives %s after a failure that is final: %s",
			     what, vhd_status_name(rc), err->msg);
	if (!d->os_errno && rc != VHD_E_NOMEM)
		torture_fail("%s gives %s for want of memory: %s", what,
			     vhd_status_name(rc), err->msg);
	if (d->os_errno && rc != VHD_E_IO && rc != VHD_E_POISONED &&
	    (!full || rc != VHD_E_NOSPACE))
		torture_fail("%s gives %s: %s", what, vhd_status_name(rc),
			     err->msg);
	if (rc == VHD_E_POISONED || (metadata && rc == VHD_E_IO))
		d->poisoned = true;
	if (!d->failures++ && d->img)
		fault_verify(d, d->img, d->live, "after the first failure");
	return false;
}

bool fault_open(struct fault_disk *d)
{
	const struct torture_open how = { .cache = 1, .flags = VHD_OPEN_RDWR };
	bool armed = memory.armed;
	struct vhd_error err = { 0 };
	void *h;
	int rc;

	/* This one allocation is the test's. */
	memory.armed = false;
	h = vhd_fault_new(&d->file->ops, d->file, &d->plan);
	memory.armed = armed;
	NEED(h);
	rc = torture_open_ops(&vhd_fault_ops, h, &d->parent, &how, &d->img,
			      &err);
	return worked(d, rc, &err, false, "opening");
}

static void flushed(struct fault_disk *d)
{
	memcpy(d->durable, d->live, d->sectors * sizeof(*d->live));
}

void fault_close(struct fault_disk *d)
{
	struct vhd_error err = { 0 };
	int rc;

	fault_verify(d, d->img, d->live, "before closing");
	rc = vhd_close(&d->img, &err);
	NEED(!d->img);
	if (!rc && d->poisoned)
		torture_fail("closing hides the failure");
	if (rc && (err.code != rc || !err.msg[0]))
		torture_fail("closing fails without a sentence");
	d->failures += rc != 0;
	d->closed_well = !rc;
	if (!rc)
		flushed(d);
}

static uint64_t place(const struct fault_disk *d, uint64_t blk, uint64_t sec)
{
	return blk * d->shape.block + sec * FAULT_SEC;
}

/* [at, at + len) was to get @content. */
static void changed(struct fault_disk *d, uint64_t at, uint64_t len,
		    unsigned content, bool sure)
{
	uint64_t i = at / FAULT_SEC, end = i + len / FAULT_SEC;

	for (; i < end; i++) {
		d->live[i] = (sure ? 0 : d->live[i]) | BIT(content);
		d->durable[i] |= BIT(content);
	}
}

static uint8_t *fresh(struct fault_disk *d, uint64_t at, uint64_t len)
{
	uint8_t *buf = torture_alloc(len);

	NEED(d->content <= CONTENT_LAST);
	for (uint64_t i = 0; i < len; i += FAULT_SEC)
		fault_stamp(d->content, (at + i) / FAULT_SEC, buf + i);
	return buf;
}

void fault_write(struct fault_disk *d, uint64_t blk, uint64_t sec,
		 uint64_t count)
{
	uint64_t at = place(d, blk, sec), len = count * FAULT_SEC;
	uint8_t *buf = fresh(d, at, len);
	struct vhd_error err = { 0 };
	int rc;

	changed(d, at, len, d->content, false);
	rc = vhd_pwrite(d->img, buf, (size_t)len,
			torture_guest(&d->shape, at), &err);
	if (worked(d, rc, &err, false, "a write"))
		changed(d, at, len, d->content, true);
	d->content++;
	free(buf);
}

void fault_zero(struct fault_disk *d, uint64_t blk, uint64_t sec,
		uint64_t count, uint32_t flags)
{
	uint64_t at = place(d, blk, sec), len = count * FAULT_SEC;
	struct vhd_error err = { 0 };
	int rc;

	changed(d, at, len, CONTENT_ZEROS, false);
	rc = vhd_write_zeroes(d->img, torture_guest(&d->shape, at), len, flags,
			      &err);
	if (worked(d, rc, &err, false, "zeroing"))
		changed(d, at, len, CONTENT_ZEROS, true);
}

/* Where a part of a child is meant, what stays is the library's to know. */
void fault_discard(struct fault_disk *d, uint64_t blk, uint64_t sec,
		   uint64_t count)
{
	uint64_t at = place(d, blk, sec), len = count * FAULT_SEC;
	bool vhdx = d->shape.type->format == VHD_FORMAT_VHDX;
	bool whole = len == d->shape.block && vhdx;
	struct vhd_error err = { 0 };
	int rc;

	if (!torture_is_fixed(&d->shape))
		changed(d, at, len, CONTENT_ZEROS, false);
	rc = vhd_discard(d->img, torture_guest(&d->shape, at), len, &err);
	if (worked(d, rc, &err, false, "a discard") &&
	    !torture_is_fixed(&d->shape) &&
	    (whole || !torture_is_child(&d->shape)))
		changed(d, at, len, CONTENT_ZEROS, true);
}

void fault_move(struct fault_disk *d, uint64_t blk, uint64_t sec,
		uint64_t count, bool ok)
{
	uint64_t at = place(d, blk, sec), len = count * FAULT_SEC;
	uint8_t *buf = fresh(d, at, len);
	struct vhd_move *move = NULL;
	struct vhd_error err = { 0 };
	struct vhd_extent ext;
	int rc;

	rc = vhd_write_begin(d->img, torture_guest(&d->shape, at), len, &ext,
			     &move, &err);
	if (worked(d, rc, &err, false, "the begin of a move")) {
		NEED(ext.len == len);
		torture_file_write(d->file, buf, (size_t)len, ext.file_off);
		changed(d, at, len, d->content, false);
		rc = vhd_write_end(d->img, &move, ok, &err);
		NEED(!move);
		if (worked(d, rc, &err, false, "the end of a move") && ok)
			changed(d, at, len, d->content, true);
	}
	d->content++;
	free(buf);
}

void fault_flush(struct fault_disk *d)
{
	struct vhd_error err = { 0 };
	int rc = vhd_flush(d->img, &err);

	if (worked(d, rc, &err, true, "a flush"))
		flushed(d);
}

void fault_writeback(struct fault_disk *d)
{
	struct vhd_error err = { 0 };
	int rc = vhd_writeback(d->img, &err);

	worked(d, rc, &err, true, "a writeback");
}
