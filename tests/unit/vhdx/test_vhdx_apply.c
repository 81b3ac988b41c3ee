/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay in place.  What the file reads as with the overlay is what it has to
 * read as without, and after every failure and power cut on the way there.
 */
#include "base/guid.h"
#include "io/io_fault.h"
#include "io/io_record.h"
#include "support/base_rand.h"
#include "support/vhdx_replaying.h"
#include "vhdx/vhdx_apply.h"
#include "vhdx/vhdx_engine.h"

enum { VIEW_OFF = 0x30000 };

static struct vhd_trace *trace;
static struct vhd_fault_plan plan;
static uint8_t *want;		/* from VIEW_OFF on, as replay shows it */
static uint64_t want_len;	/* of the file */

static void headers_load(struct vhd_io *from, struct vhdx_headers *out)
{
	static uint8_t buf[2][VHDX_HEADER_LEN];
	struct vhdx_notes notes = VHDX_NOTES_INIT;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(vhd_io_read(from, buf[i], VHDX_HEADER_LEN,
					     i ? VHDX_HEADER2_OFF :
						 VHDX_HEADER1_OFF, NULL), 0);
	ck_assert_int_eq(vhdx_headers_decode(buf[0], buf[1], out, &notes),
			 VHD_RULE_NONE);
}

/* Opens a file as it is: its headers, and its overlay unless it is clean. */
static void open_file(struct vhd_io *from, struct vhdx_headers *h,
		      struct vhdx_overlay **overlay)
{
	const struct vhdx_header *cur;

	headers_load(from, h);
	cur = &h->hdr[h->current];
	*overlay = NULL;
	if (!vhd_guid_is_zero(&cur->log_guid))
		ck_assert_int_eq(vhdx_replay_load(from, cur, NULL, overlay,
						  &err), 0);
}

/* The log is left out: what is in it does not matter. */
static void view(struct vhd_io *from, const struct vhdx_overlay *overlay,
		 uint8_t *buf)
{
	ck_assert_int_eq(vhdx_overlay_read(overlay, from, buf,
					   want_len - VIEW_OFF, VIEW_OFF,
					   NULL), 0);
	memset(buf + MiB - VIEW_OFF, 0, MiB);
}

/* The file, opened again, reads as it has to. */
static void assert_same(struct vhd_io *from)
{
	uint8_t *got = malloc(want_len);
	struct vhdx_overlay *overlay;
	struct vhdx_headers h;
	uint64_t size;

	open_file(from, &h, &overlay);
	view(from, overlay, got);
	if (memcmp(got, want, want_len - VIEW_OFF))
		ck_abort_msg("the file reads differently");
	ck_assert_int_eq(vhd_io_size(from, &size, NULL), 0);
	if (overlay)
		size = vhdx_overlay_file_size(overlay);
	ck_assert_uint_eq(size, want_len);
	vhdx_overlay_free(overlay);
	free(got);
}

/* Makes a file of the image, whose calls are recorded and may fail. */
static void apply_begin(void)
{
	void *h = vhd_mem_new(img.bytes, img.len);

	trace = vhd_trace_new();
	plan = (struct vhd_fault_plan){ .kinds = UINT32_MAX };
	h = vhd_record_new(&vhd_mem_ops, h, trace);
	h = vhd_fault_new(&vhd_record_ops, h, &plan);
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops, h, "apply", &io, NULL), 0);
	ck_assert_int_eq(load_io(), 0);
	want_len = vhdx_overlay_file_size(ov);
	want = malloc(want_len);
	view(io, ov, want);
}

static void apply_end(void)
{
	end();
	vhd_trace_free(trace);
	free(want);
}

/* What an open for writing does. */
static int apply(struct vhdx_headers *h)
{
	struct vhdx_overlay *overlay;
	int rc = 0;

	open_file(io, h, &overlay);
	plan.calls = 0;
	if (overlay)
		rc = vhdx_apply(io, h, overlay, &err);
	vhdx_overlay_free(overlay);
	return rc;
}

/* Pages and zeros that overlap, some of them behind the end of the file. */
static void mixed_image(void)
{
	static uint8_t pages[12][SECTOR];
	struct vhdx_image_change c[12];
	struct vhdx_image_entry e = { .seq = 1, .change = c,
				      .change_count = 12, .last = 6 * MiB };
	uint64_t x = 5;

	begin();
	memset(img.bytes + BAT, 0xee, MiB);
	for (uint32_t i = 0; i < 12; i++) {
		memset(pages[i], (int)i + 1, SECTOR);
		c[i] = (struct vhdx_image_change){
			.file_off = BAT + base_rand_below(&x, 40) * SECTOR,
			.zero_len = (1 + base_rand_below(&x, 10)) * SECTOR,
			.page = i % 3 ? pages[i] : NULL };
	}
	c[10].file_off = img.len + 8 * SECTOR;
	c[9].file_off = img.len - SECTOR;
	vhdx_image_log_put(&img, 0, &e);
}

/* vhdx.md 13.7 */
START_TEST(vhdx_apply__golden_dirty_file_becomes_clean)
{
	struct vhdx_headers h, found_h;
	struct vhdx_header old;

	vhdx_image_init_dirty(&img);
	apply_begin();
	vhdx_header_decode((uint8_t *)vhdx_image_header(&img, 1), &old);
	ck_assert_int_eq(apply(&h), 0);
	assert_same(io);
	headers_load(io, &found_h);
	ck_assert_uint_eq(found_h.ok, 3);
	ck_assert_uint_eq(found_h.hdr[h.current].seq, old.seq + 3);
	for (int i = 0; i < 2; i++) {
		const struct vhdx_header *n = &found_h.hdr[i];

		ck_assert(vhd_guid_is_zero(&n->log_guid));
		ck_assert(vhd_guid_equal(&n->data_write_guid,
					 &old.data_write_guid));
		ck_assert(!vhd_guid_equal(&n->file_write_guid,
					  &old.file_write_guid));
		ck_assert_uint_eq(n->seq, h.hdr[i].seq);
	}
	vhdx_overlay_free(ov);
	ov = NULL;
	ck_assert_uint_eq(bat(0), 0x400006);
	ck_assert_uint_eq(bat(321), 2);
	ck_assert_uint_eq(want_len, 36 * MiB);
	apply_end();
}
END_TEST

START_TEST(vhdx_apply__file_reads_as_the_overlay_did)
{
	struct vhdx_headers h;

	mixed_image();
	apply_begin();
	ck_assert_uint_gt(want_len, img.len);
	ck_assert_int_eq(apply(&h), 0);
	ck_assert(vhd_guid_is_zero(&h.hdr[h.current].log_guid));
	assert_same(io);
	apply_end();
}
END_TEST

/* VHDX-LOG-39 */
START_TEST(vhdx_apply__any_failure_leaves_the_log_to_be_replayed)
{
	struct vhdx_headers h;
	uint64_t n = 0;
	int rc;

	mixed_image();
	apply_begin();
	do {
		plan.fail_at = 0;
		vhd_io_close(&io, NULL);
		vhd_trace_free(trace);
		free(want);
		apply_begin();
		plan.fail_at = ++n;
		plan.calls = UINT32_MAX;	/* not while it is opened */
		rc = apply(&h);
		plan.fail_at = 0;
		assert_same(io);
		ck_assert_int_eq(apply(&h), 0);
		assert_same(io);
	} while (rc);
	ck_assert_uint_gt(n, 20);
	apply_end();
}
END_TEST

/* The file after some calls; of those behind the last flush, one is missing. */
static void assert_cut(size_t calls, size_t missing)
{
	struct vhd_io *cut = vhdx_image_io(&img);

	for (size_t i = 0; i < calls; i++) {
		if (i != missing)
			ck_assert_int_eq(vhd_trace_apply(vhd_trace_op(trace, i),
							 cut, NULL), 0);
	}
	assert_same(cut);
	vhd_io_close(&cut, NULL);
}

START_TEST(vhdx_apply__power_cuts_leave_the_log_to_be_replayed)
{
	struct vhdx_headers h;
	size_t flushed = 0;

	mixed_image();
	apply_begin();
	ck_assert_int_eq(apply(&h), 0);
	for (size_t i = 0; i <= vhd_trace_count(trace); i++) {
		for (size_t missing = flushed; missing <= i; missing++)
			assert_cut(i, missing);
		if (i < vhd_trace_count(trace) &&
		    vhd_trace_op(trace, i)->kind == VHD_TRACE_FLUSH)
			flushed = i + 1;
	}
	apply_end();
}
END_TEST

static bool is_header(const struct vhd_trace_op *op)
{
	return op->kind == VHD_TRACE_WRITE && op->off < VIEW_OFF;
}

/* VHDX-HDR-22: never two headers on their way. */
START_TEST(vhdx_apply__every_header_is_followed_by_a_flush)
{
	struct vhdx_headers h;
	size_t headers = 0;

	mixed_image();
	apply_begin();
	ck_assert_int_eq(apply(&h), 0);
	ck_assert_int_eq(vhd_trace_op(trace, 0)->kind, VHD_TRACE_FLUSH);
	for (size_t i = 0; i < vhd_trace_count(trace); i++) {
		if (!is_header(vhd_trace_op(trace, i)))
			continue;
		headers++;
		ck_assert_uint_lt(i + 1, vhd_trace_count(trace));
		ck_assert_int_eq(vhd_trace_op(trace, i + 1)->kind,
				 VHD_TRACE_FLUSH);
	}
	ck_assert_uint_eq(headers, 3);
	apply_end();
}
END_TEST

/* VHDX-WR-01: only a file that can be used is changed. */
START_TEST(vhdx_apply__open_for_writing_replays_in_place)
{
	struct vhd_engine_open req = { .writable = true };
	struct vhd_info info = { 0 };
	void *eng = NULL;

	vhdx_image_init_dirty(&img);
	if (_i)
		vhdx_image_meta(&img)->signature[0] ^= 1;
	apply_begin();
	req.io = io;
	if (_i) {
		ck_assert_int_eq(vhdx_engine.open(&req, &eng, &err),
				 VHD_E_CORRUPT);
		ck_assert_uint_eq(vhd_trace_count(trace), 0);
	} else {
		ck_assert_int_eq(vhdx_engine.open(&req, &eng, &err), 0);
		assert_same(io);
		vhdx_engine.info(eng, &info);
		ck_assert_int_eq(info.log, VHD_LOG_CLEAN);
		ck_assert_int_eq(vhdx_engine.shut(eng, &err), 0);
		vhdx_engine.close(eng);
		assert_same(io);
	}
	apply_end();
}
END_TEST

TEST_MAIN_ROWS("vhdx/apply",
	       ONCE(vhdx_apply__golden_dirty_file_becomes_clean),
	       ONCE(vhdx_apply__file_reads_as_the_overlay_did),
	       ONCE(vhdx_apply__any_failure_leaves_the_log_to_be_replayed),
	       ONCE(vhdx_apply__power_cuts_leave_the_log_to_be_replayed),
	       ONCE(vhdx_apply__every_header_is_followed_by_a_flush),
	       LOOP(vhdx_apply__open_for_writing_replays_in_place, 2))
