/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: a sparse file (fuzz_input.h), whose headers are read as Xen's tools show
 * them, and where its content ends.  What the fields say bounds neither time nor
 * memory, and what is shown of them is text that ends.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_reseal.h"
#include "xen/xen_headers.h"

/* Reads of the headers, of 256 bytes at least; and for a walk of the table. */
enum { CALLS = 8192, WALK_CALLS = 200000, WALK_BYTES = 128 << 20 };

static void headers_ok(const struct vhd_xen_headers *h)
{
	const struct vhd_xen_header *hdr = &h->header;

	FUZZ_CHECK(h->size == sizeof(*h));
	FUZZ_CHECK(h->tail_off <= h->file_size);
	FUZZ_CHECK(memchr(hdr->parent_name, 0, sizeof(hdr->parent_name)));
	FUZZ_CHECK(h->footer != VHD_XEN_TAIL ||
		   (h->have & VHD_XEN_TAIL_SOUND));
	FUZZ_CHECK(h->footer != VHD_XEN_FRONT ||
		   (h->have & VHD_XEN_FRONT_SOUND));
	for (size_t i = 0; i < 8; i++) {
		const struct vhd_xen_locator *loc = &hdr->locator[i];

		FUZZ_CHECK(memchr(loc->text, 0, sizeof(loc->text)));
		FUZZ_CHECK(!loc->readable || loc->text[0]);
	}
}

static void read_headers(struct vhd_io *io, uint64_t base, uint32_t flags)
{
	static struct vhd_xen_headers h;
	struct vhd_error err;
	int rc;

	memset(&h, 0, sizeof(h));
	h.size = sizeof(h);
	fuzz_error_arm(&err);
	rc = vhd_xen_headers_read(io, base, 0, flags, &h, &err);
	fuzz_error_ok(rc, &err);
	if (!rc)
		headers_ok(&h);
}

static void read_end(struct fuzz_file *f)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	uint64_t used, blocks, bitmap, data;
	struct vhd_image *img = NULL;
	struct vhd_info info;
	struct vhd_error err;
	int rc;

	o.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_POISONED | VHD_OPEN_CIPHERTEXT;
	o.format = VHD_FORMAT_VHD;
	fuzz_error_arm(&err);
	rc = vhd_open_io(&fuzz_file_ops, f, "image", &o, &img, &err);
	fuzz_error_ok(rc, &err);
	if (rc)
		return;
	rc = vhd_xen_used(img, &used, &blocks, &err);
	fuzz_error_ok(rc, &err);
	FUZZ_CHECK(rc || used >= 512);
	info.size = sizeof(info);
	vhd_layer_info(img, 0, &info, NULL);
	if (!rc && info.type != VHD_TYPE_FIXED) {
		rc = vhd_xen_block(img, blocks, &bitmap, &data, &err);
		fuzz_error_ok(rc, &err);
	}
	vhd_close(&img, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint32_t flags = fuzz_input_load(data, len, f);
	struct vhd_io *io;
	struct vhd_error err;

	fuzz_memory_reset();
	if (flags & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	f->call_limit = CALLS;
	fuzz_no_error(vhd_io_new(&fuzz_file_ops, f, "image", &io, &err), &err);
	read_headers(io, 0, 0);
	read_headers(io, 0, VHD_XEN_FAST);
	if (f->size >= 512)
		read_headers(io, 512, 0);
	vhd_io_close(&io, NULL);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	f->call_limit = WALK_CALLS;
	f->byte_limit = WALK_BYTES;
	read_end(f);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	return 0;
}
