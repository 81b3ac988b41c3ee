/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: a sparse file (fuzz_input.h), which is checked as the clients of Xen's
 * tools have it checked, alone, and whose sectors are counted.  What is accepted
 * can be opened; nothing takes more than a walk of the table and its bitmaps.
 */
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_reseal.h"
#include "xen/xen_check_priv.h"

enum { CALLS = 200000, BYTES = 128 << 20, NAME = 4096 };

/* The flags of the input are the draw of those of the check. */
static uint32_t flags_of(uint32_t input)
{
	uint32_t flags = 0;

	if (input & FUZZ_INPUT_CHS)
		flags |= VHD_XEN_CHECK_USE_COPY;
	if (input & FUZZ_INPUT_AUTO)
		flags |= VHD_XEN_CHECK_IGNORE_TIMES;
	if (input & FUZZ_INPUT_TINY_CACHE)
		flags |= VHD_XEN_CHECK_NO_OVERLAP;
	if (input & FUZZ_INPUT_DEEP)
		flags |= VHD_XEN_CHECK_DATA;
	return flags;
}

static void limit(struct fuzz_file *f)
{
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	f->calls = f->bytes = 0;
	f->call_limit = CALLS;
	f->byte_limit = BYTES;
}

static bool check(struct fuzz_file *f, uint32_t flags)
{
	struct vhd_xen_checker c = { .flags = flags, .alone = true };
	struct vhd_error err;
	int rc;

	limit(f);
	fuzz_no_error(vhd_io_new(&fuzz_file_ops, f, "image", &c.io, &err), &err);
	fuzz_error_arm(&err);
	rc = vhd_xen_check_run(&c, &err);
	fuzz_error_ok(rc, &err);
	FUZZ_CHECK(!c.v);
	vhd_io_close(&c.io, NULL);
	return !rc;
}

static void count(struct vhd_image *img, const struct vhd_info *info)
{
	struct vhd_xen_sectors s = { .size = sizeof(s) };
	struct vhd_error err;
	int rc;

	fuzz_error_arm(&err);
	rc = vhd_xen_sectors(img, 0, 0, &s, &err);
	fuzz_error_ok(rc, &err);
	if (!rc && info->block_size)
		FUZZ_CHECK(s.written <= s.allocated);
	FUZZ_CHECK(rc || !s.has_parent);
}

static void name_parent(struct vhd_image *img)
{
	static char name[NAME];
	struct vhd_error err;
	bool raw = false;
	int rc;

	fuzz_error_arm(&err);
	rc = vhd_xen_layer_parent(img, 0, name, sizeof(name), &raw, &err);
	fuzz_error_ok(rc, &err);
}

static void open_it(struct fuzz_file *f, bool accepted)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	struct vhd_error err;
	int rc;

	limit(f);
	o.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_CIPHERTEXT |
		  VHD_OPEN_XEN_PARENT;
	o.format = VHD_FORMAT_VHD;
	fuzz_error_arm(&err);
	rc = vhd_open_io(&fuzz_file_ops, f, "image", &o, &img, &err);
	fuzz_error_ok(rc, &err);
	if (accepted)
		fuzz_no_error(rc, &err);
	if (rc)
		return;
	fuzz_no_error(vhd_layer_info(img, 0, &info, &err), &err);
	count(img, &info);
	if (info.type == VHD_TYPE_DIFF)
		name_parent(img);
	vhd_close(&img, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint32_t input = fuzz_input_load(data, len, f);
	bool accepted;

	fuzz_memory_reset();
	if (input & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	accepted = check(f, flags_of(input) &
				~(uint32_t)VHD_XEN_CHECK_USE_COPY);
	if (!accepted)
		check(f, flags_of(input) | VHD_XEN_CHECK_USE_COPY);
	open_it(f, accepted);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	return 0;
}
