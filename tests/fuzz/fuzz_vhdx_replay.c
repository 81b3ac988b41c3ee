/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a sparse file (fuzz_input.h) with a VHDX header and a log in it. */
#include "base/guid.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_reseal.h"
#include "vhdx/vhdx_replay.h"

enum { CALLS = 100000, BYTES = 128 << 20, LOOKS = 500 };

static void on_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	(void)arg;
	(void)off;
	FUZZ_CHECK(rule && fuzz_sentence(msg));
}

/* Outside of what the overlay names, the file reads as it is. */
static void check_gap(const struct vhdx_overlay *ov, struct vhd_io *io,
		      uint64_t off, uint64_t len)
{
	uint8_t a[512], b[512];

	len = min_u64(len, sizeof(a));
	if (!len)
		return;
	FUZZ_CHECK(!vhdx_overlay_touches(ov, off, len));
	if (vhdx_overlay_read(ov, io, a, (size_t)len, off, NULL) ||
	    vhd_io_read_padded(io, b, (size_t)len, off, NULL))
		return;
	FUZZ_CHECK(!memcmp(a, b, (size_t)len));
}

static void check_overlay(const struct vhdx_overlay *ov, struct vhd_io *io)
{
	uint8_t buf[4096 + 512];
	uint64_t off = 0, start = 0, end = 0;
	struct vhd_error err;
	int i, rc;

	for (i = 0; i < LOOKS && vhdx_overlay_next(ov, off, &start, &end); i++) {
		FUZZ_CHECK(start < end && end > off);
		if (start > off)
			check_gap(ov, io, off, start - off);
		FUZZ_CHECK(vhdx_overlay_touches(ov, max_u64(off, start), 1));
		fuzz_error_arm(&err);
		rc = vhdx_overlay_read(ov, io, buf, sizeof(buf),
				       start > 256 ? start - 256 : 0, &err);
		fuzz_error_ok(rc, &err);
		off = end;
	}
	FUZZ_CHECK(end <= vhdx_overlay_file_size(ov));
	FUZZ_CHECK(vhdx_overlay_entries(ov) >= 1);
	FUZZ_CHECK(!vhdx_overlay_pages(ov) == !end);
}

static void replay(struct fuzz_file *f, struct vhd_io *io)
{
	static const uint64_t place[] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };
	struct vhd_sink sink = { on_finding, NULL };
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	uint8_t raw[2][VHDX_HEADER_LEN];
	struct vhdx_overlay *ov = NULL;
	struct vhdx_headers pair;
	struct vhd_error err;
	int rc, i;

	for (i = 0; i < 2; i++)
		fuzz_file_get(f, raw[i], sizeof(raw[i]), place[i]);
	if (vhdx_headers_decode(raw[0], raw[1], &pair, &notes) != VHD_RULE_NONE)
		return;
	if (vhd_guid_is_zero(&pair.hdr[pair.current].log_guid) ||
	    vhdx_header_check(&pair.hdr[pair.current], f->size, &notes) !=
		    VHD_RULE_NONE)
		return;
	fuzz_error_arm(&err);
	rc = vhdx_replay_load(io, &pair.hdr[pair.current], &sink, &ov, &err);
	fuzz_error_ok(rc, &err);
	FUZZ_CHECK(!rc == !!ov);
	if (!rc)
		check_overlay(ov, io);
	vhdx_overlay_free(ov);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint32_t flags = fuzz_input_load(data, len, f);
	struct vhd_io *io = NULL;

	fuzz_memory_reset();
	if (flags & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	f->call_limit = CALLS;
	f->byte_limit = BYTES;
	FUZZ_CHECK(!vhd_io_new(f->flat ? &fuzz_file_flat_ops : &fuzz_file_ops,
			       f, "fuzz", &io, NULL));
	replay(f, io);
	vhd_io_close(&io, NULL);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	return 0;
}
