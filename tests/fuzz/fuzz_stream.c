/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: a sparse file (fuzz_input.h), which comes as a stream and is converted,
 * and is then opened as a file.
 *
 * What comes out of a stream is what the file holds, to the byte; and a stream
 * asks for each byte once.
 */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_reseal.h"
#include "vhd/vhd.h"

enum {
	STREAM_MAX = 8 << 20,
	WRITTEN_MAX = 8 << 20,
	EXTENTS = 64,
	PIECE = 64 << 10
};

struct pipe {
	const struct fuzz_file *file;
	uint64_t pos;
	bool closed;
};

/* The target, and the same disk read from the file. */
struct sink {
	struct vhd_image *ref;
	uint64_t written, data;	/* bytes, and those of them that are not 0 */
};

static int64_t pipe_read(void *arg, void *buf, size_t len)
{
	struct pipe *p = arg;
	size_t n = (size_t)min_u64(len, p->file->size - p->pos);

	FUZZ_CHECK(!p->closed && len);
	if (p->file->short_io)
		n = (size_t)min_u64(n, p->file->short_io);
	fuzz_file_get(p->file, buf, n, p->pos);
	p->pos += n;
	return (int64_t)n;
}

static void pipe_close(void *arg)
{
	struct pipe *p = arg;

	FUZZ_CHECK(!p->closed);
	p->closed = true;
}

static uint64_t count_data(const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	while (len--)
		n += *p++ != 0;
	return n;
}

static int64_t sink_pread(void *h, void *buf, size_t len, uint64_t off)
{
	(void)h;
	(void)off;
	memset(buf, 0, len);
	return (int64_t)len;
}

static int64_t sink_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	static uint8_t have[PIECE];
	struct sink *s = h;
	struct vhd_error err;

	len = len < PIECE ? len : PIECE;
	s->written += len;
	if (s->written > WRITTEN_MAX)
		return -ENOSPC;
	s->data += count_data(buf, len);
	fuzz_error_arm(&err);
	fuzz_no_error(vhd_pread(s->ref, have, len, off, &err), &err);
	FUZZ_CHECK(memcmp(have, buf, len) == 0);
	return (int64_t)len;
}

static int64_t sink_size(void *h)
{
	const struct sink *s = h;

	return (int64_t)vhd_size(s->ref);
}

static const struct vhd_io_ops sink_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = sink_pread,
	.pwrite = sink_pwrite,
	.get_size = sink_size,
};

/* As many bytes that are not zero as the disk has. */
static uint64_t count_extent(struct vhd_image *ref, const struct vhd_extent *e)
{
	static uint8_t buf[PIECE];
	uint64_t pos = 0, data = 0;

	while (e->kind == VHD_EXTENT_DATA && pos < e->len) {
		size_t n = (size_t)min_u64(PIECE, e->len - pos);
		struct vhd_error err;

		fuzz_error_arm(&err);
		fuzz_no_error(vhd_pread(ref, buf, n, e->off + pos, &err), &err);
		data += count_data(buf, n);
		pos += n;
	}
	return data;
}

static uint64_t count_disk(struct vhd_image *ref)
{
	uint64_t off = 0, size = vhd_size(ref), data = 0;
	struct vhd_extent ext[EXTENTS];

	while (off < size) {
		struct vhd_error err;
		size_t n;

		fuzz_error_arm(&err);
		fuzz_no_error(vhd_resolve(ref, off, size - off, ext, EXTENTS,
					  &n, &err), &err);
		for (size_t i = 0; i < n; i++)
			data += count_extent(ref, &ext[i]);
		off = ext[n - 1].off + ext[n - 1].len;
	}
	return data;
}

static void convert(struct vhd_image *img, struct fuzz_file *f,
		    const struct vhd_open_opts *opts)
{
	struct vhd_convert_opts how = VHD_CONVERT_OPTS_INIT;
	struct sink s = { .written = 0 };
	struct vhd_error err;
	int rc;

	how.flags = VHD_CONVERT_TARGET_ZERO;
	fuzz_error_arm(&err);
	rc = vhd_open_io(&fuzz_file_ops, f, "file", opts, &s.ref, &err);
	/* A guest's bytes at the front look like an image until the end. */
	if (rc || vhd_size(s.ref) != vhd_size(img)) {
		vhd_close(&s.ref, NULL);
		return;
	}
	fuzz_error_arm(&err);
	rc = vhd_convert_io(img, &sink_ops, &s, "sink", &how, NULL, &err);
	fuzz_error_ok(rc, &err);
	if (!rc)
		FUZZ_CHECK(s.data == count_disk(s.ref));
	vhd_close(&s.ref, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint32_t flags = fuzz_input_load(data, len, f);
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_stream stream = VHD_STREAM_INIT;
	struct pipe pipe = { .file = f };
	struct vhd_image *img = NULL;
	struct vhd_error err;
	int rc;

	if (flags & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	f->size = min_u64(f->size, STREAM_MAX);
	opts.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_ALLOW_RAW;
	if (flags & FUZZ_INPUT_CHS)
		opts.size_rule = VHD_SIZE_CHS;
	stream.read = pipe_read;
	stream.arg = &pipe;
	stream.close = pipe_close;
	stream.name = "stream";
	stream.disk_size = flags & FUZZ_INPUT_DEEP ? f->size : 0;
	stream.flags = flags & FUZZ_INPUT_FLAT ? VHD_STREAM_IN_ORDER : 0;
	fuzz_memory_reset();
	fuzz_error_arm(&err);
	rc = vhd_stream_open(&stream, &opts, &img, &err);
	fuzz_error_ok(rc, &err);
	if (!rc)
		convert(img, f, &opts);
	vhd_close(&img, NULL);
	FUZZ_CHECK(pipe.closed);
	return 0;
}
