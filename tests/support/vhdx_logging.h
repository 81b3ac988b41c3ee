/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_LOGGING_H
#define TESTS_SUPPORT_VHDX_LOGGING_H

/*
 * What tests of the log writer share: a file with a table of 256 pages and 256
 * pages of bitmaps behind it, all calls recorded, and a model of what its pages
 * hold.  Each page is filled with a stamp, the number of the store that wrote it.
 */

#include <string.h>

#include "base/ckd.h"
#include "io/io_fault.h"
#include "io/io_record.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "vhdx/vhdx_log.h"
#include "vhdx/vhdx_replay.h"

enum {
	PAGE = 4096,
	BAT_OFF = 3 << 20,
	BAT_PAGES = 256,
	PAGES = 2 * BAT_PAGES,		/* the second half: bitmaps */
	FILE_LEN = 5 << 20,
	STORES_MAX = 64
};

/* One page of a store, in the order in which it should be logged. */
struct log_step {
	uint32_t page;
	uint64_t stamp;
	bool border;			/* the last one of an entry */
};

struct logging {
	struct vhdx_image img;
	struct vhd_trace *trace;
	struct vhd_fault_plan plan;
	struct vhd_io *io;
	struct vhdx_log *log;
	bool barrier;			/* all stores ask for one */
	struct vhd_error err;
	uint64_t stamp;			/* of the last store */
	uint64_t model[PAGES];
	struct vhd_pending set;		/* of the next store */
	/* What was stored, and when in the trace. */
	struct log_step *steps;
	size_t step_count;
	size_t sure[STORES_MAX];	/* steps that a SYNC store made durable */
	size_t sure_at[STORES_MAX];	/* calls in the trace by then */
	size_t sure_count;
};

static inline uint64_t page_off(uint32_t page)
{
	return BAT_OFF + (uint64_t)page * PAGE;
}

static inline void page_fill(uint8_t *bytes, uint64_t stamp)
{
	for (size_t i = 0; i < PAGE; i += 8)
		memcpy(bytes + i, &stamp, 8);
}

/* The stamp of a page, which is whole. */
static inline uint64_t page_stamp(const uint8_t *bytes)
{
	uint64_t stamp;

	memcpy(&stamp, bytes, 8);
	if (memcmp(bytes, bytes + 8, PAGE - 8))
		ck_abort_msg("a page is torn");
	return stamp;
}

static inline void headers_load(struct vhd_io *io, struct vhdx_headers *out)
{
	static uint8_t buf[2][VHDX_HEADER_LEN];
	struct vhdx_notes notes = VHDX_NOTES_INIT;

	ck_assert_int_eq(vhd_io_read(io, buf[0], PAGE, VHDX_HEADER1_OFF, NULL),
			 0);
	ck_assert_int_eq(vhd_io_read(io, buf[1], PAGE, VHDX_HEADER2_OFF, NULL),
			 0);
	ck_assert_int_eq(vhdx_headers_decode(buf[0], buf[1], out, &notes),
			 VHD_RULE_NONE);
}

static inline void logging_open(struct logging *l)
{
	struct vhdx_log_new how = { .io = l->io, .bat_off = BAT_OFF,
				    .bat_len = BAT_PAGES * PAGE };
	struct vhdx_headers headers;

	headers_load(l->io, &headers);
	how.headers = &headers;
	ck_assert_int_eq(vhdx_log_new(&how, &l->log, &l->err), 0);
}

/* A file that was opened and not touched. */
static inline void logging_begin_untouched(struct logging *l)
{
	void *h;

	memset(l, 0, sizeof(*l));
	l->steps = calloc(STORES_MAX * PAGES, sizeof(*l->steps));
	vhdx_image_init(&l->img, NULL);
	vhdx_image_resize(&l->img, FILE_LEN);
	l->trace = vhd_trace_new();
	h = vhd_record_new(&vhd_mem_ops, vhd_mem_new(l->img.bytes, FILE_LEN),
			   l->trace);
	h = vhd_fault_new(&vhd_record_ops, h, &l->plan);
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops, h, "log", &l->io, NULL), 0);
	logging_open(l);
}

static inline void logging_begin(struct logging *l)
{
	logging_begin_untouched(l);
	ck_assert_int_eq(vhdx_log_touch(l->log, &l->err), 0);
}

static inline void logging_end(struct logging *l)
{
	vhdx_log_free(l->log);
	vhd_pending_clear(&l->set);
	vhd_io_close(&l->io, NULL);
	vhd_trace_free(l->trace);
	vhdx_image_free(&l->img);
	free(l->steps);
}

/* @page is to be stored, with the stamp of the next store. */
static inline void want(struct logging *l, uint32_t page)
{
	uint8_t bytes[PAGE];

	page_fill(bytes, l->stamp + 1);
	ck_assert_int_eq(vhd_pending_put(&l->set, page_off(page), bytes,
					 VHD_PENDING_WHOLE, NULL), 0);
}

/* More than an entry holds begins with a new generation, so with a full one. */
static inline void steps_add(struct logging *l, uint32_t page, size_t *done)
{
	if (!vhd_pending_find(&l->set, page_off(page)))
		return;
	++*done;
	l->model[page] = l->stamp;
	l->steps[l->step_count++] = (struct log_step){
		page, l->stamp, *done % 126 == 0 || *done == l->set.count };
}

/* What was stored becomes part of the model. */
static inline void stored(struct logging *l, enum vhd_commit mode)
{
	size_t done = 0;

	l->stamp++;
	for (uint32_t i = BAT_PAGES; i < PAGES; i++)
		steps_add(l, i, &done);
	for (uint32_t i = BAT_PAGES; i-- > 0;)
		steps_add(l, i, &done);
	vhd_pending_clear(&l->set);
	if (mode == VHD_COMMIT_LAZY)
		return;
	ck_assert_uint_lt(l->sure_count, STORES_MAX);
	l->sure[l->sure_count] = l->step_count;
	l->sure_at[l->sure_count++] = vhd_trace_count(l->trace);
}

static inline int try_store(struct logging *l, enum vhd_commit mode)
{
	return vhdx_log_store(l->log, &l->set, mode, l->barrier, FILE_LEN,
			      &l->err);
}

/* Stores what is wanted. */
static inline void store(struct logging *l, enum vhd_commit mode)
{
	ck_assert_int_eq(try_store(l, mode), 0);
	stored(l, mode);
}

/* Stores @n pages from @page on. */
static inline void store_pages(struct logging *l, uint32_t page, uint32_t n,
			       enum vhd_commit mode)
{
	for (uint32_t i = page; i < page + n; i++)
		want(l, i);
	store(l, mode);
}

/* The pages as the log writer shows them. */
static inline void assert_shown(struct logging *l)
{
	static uint8_t bytes[PAGES][PAGE];
	uint64_t stamps[PAGES];

	ck_assert_int_eq(vhdx_log_read(l->log, bytes, sizeof(bytes), BAT_OFF,
				       NULL), 0);
	for (uint32_t i = 0; i < PAGES; i++)
		stamps[i] = page_stamp(bytes[i]);
	ck_assert_mem_eq(stamps, l->model, sizeof(stamps));
}

/* The pages of a file that is opened after a power cut. */
static inline void replayed(struct vhd_io *io, uint64_t stamps[PAGES])
{
	static uint8_t bytes[PAGES][PAGE];
	struct vhdx_overlay *ov = NULL;
	const struct vhdx_header *h;
	struct vhdx_headers headers;
	struct vhd_error err = { 0 };
	static const struct vhd_guid zero;

	headers_load(io, &headers);
	h = &headers.hdr[headers.current];
	if (memcmp(&h->log_guid, &zero, 16))
		ck_assert_msg(!vhdx_replay_load(io, h, NULL, &ov, &err), "%s",
			      err.msg);
	ck_assert_int_eq(vhdx_overlay_read(ov, io, bytes, sizeof(bytes),
					   BAT_OFF, NULL), 0);
	vhdx_overlay_free(ov);
	for (uint32_t i = 0; i < PAGES; i++)
		stamps[i] = page_stamp(bytes[i]);
}

static inline void assert_replayed(struct logging *l)
{
	uint64_t stamps[PAGES];

	replayed(l->io, stamps);
	ck_assert_mem_eq(stamps, l->model, sizeof(stamps));
}

/* Flushes and writes since *@before, which becomes now. */
static inline void count_calls(struct logging *l, struct vhd_io_stats *before,
			       uint64_t *flushes, uint64_t *writes)
{
	struct vhd_io_stats now;

	vhd_io_stats(l->io, &now);
	*flushes = now.flushes - before->flushes;
	*writes = now.writes - before->writes;
	*before = now;
}

#endif
