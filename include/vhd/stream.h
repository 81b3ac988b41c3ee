/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_STREAM_H
#define VHD_STREAM_H

/*
 * Images that pass by once, front to back: through a pipe, a socket, a packer.
 */

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vhd_stream_sink - who takes the bytes of an image, front to back
 *
 * @size:     sizeof(struct vhd_stream_sink)
 * @begin:    told how many bytes will come, before the first of them; may be NULL
 * @write:    takes @len bytes
 * @zero:     takes @len zeros; NULL: they come through @write
 * @arg:      passed to all three, which return 0 or a negative errno
 * @temp_dir: where a nameless file may be made for a table of many MiB; NULL:
 *            /var/tmp
 */
struct vhd_stream_sink {
	uint32_t size;
	uint32_t reserved;
	int (*begin)(void *arg, uint64_t total);
	int (*write)(void *arg, const void *buf, size_t len);
	int (*zero)(void *arg, uint64_t len);
	void *arg;
	const char *temp_dir;
};
#define VHD_STREAM_SINK_INIT { .size = sizeof(struct vhd_stream_sink) }

/**
 * vhd_stream_write - write a disk as an image of any format to a function
 *
 * @src:        the source, open
 * @opts:       what the image is to be, as for vhd_convert(); the format or a
 *              target must be named. Flags: VHD_CONVERT_ZERO_SCAN; what concerns
 *              files (replacing, reserving space, syncing) has no meaning.
 *              Progress counts bytes of the stream; while the source is scanned,
 *              bytes of the disk
 * @sink:       takes the bytes
 * @total_out:  may be NULL; how many bytes there were
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * Memory does not grow with the disk.  The source is looked at twice: for where
 * it has data, which decides the tables, and for the data.  Blocks come in the
 * order of the disk and the footer right behind the last of them (VHD-E-7).
 *
 * A block is in the stream when the source has room for any of it, although all
 * of that may be zeros; with VHD_CONVERT_ZERO_SCAN the source is read twice, and
 * such blocks are left out.  Then the bytes are those of the file that
 * vhd_convert() makes of the same source with the same options, identity and
 * time stamp.
 *
 * Data that appears meanwhile where the source had none is VHD_E_CORRUPT: the
 * tables are gone by then.
 *
 * Returns: 0; VHD_E_IO (VHD_E_NOSPACE for ENOSPC) with the errno of the sink;
 *          VHD_E_INVAL, VHD_E_CANCELLED; else as vhd_pread().
 * Threads: any; the sink is called by one at a time.
 * Spec:    VHD-E-1 to VHD-E-7.
 */
VHD_API int vhd_stream_write(struct vhd_image *src,
			     const struct vhd_convert_opts *opts,
			     const struct vhd_stream_sink *sink,
			     uint64_t *total_out,
			     struct vhd_convert_result *result_out,
			     struct vhd_error *err);

/**
 * vhd_stream_size - how many bytes vhd_stream_write() would write
 *
 * @src:        the source, open
 * @opts:       as for vhd_stream_write()
 * @temp_dir:   as in struct vhd_stream_sink
 * @total_out:  bytes of the stream
 * @result_out: may be NULL; sizes and sectors only
 * @err:        may be NULL
 *
 * Returns: as vhd_stream_write().
 * Threads: any.
 */
VHD_API int vhd_stream_size(struct vhd_image *src,
			    const struct vhd_convert_opts *opts,
			    const char *temp_dir, uint64_t *total_out,
			    struct vhd_convert_result *result_out,
			    struct vhd_error *err);

/* Flags for vhd_stream_open(). */
enum {
	/*
	 * Store the stream in any case: the image can be read in any order, any
	 * number of times.
	 */
	VHD_STREAM_STORE = 1 << 0,
	/*
	 * The disk is wanted front to back, for a target that is a stream too:
	 * store an image whose blocks come in another order.
	 */
	VHD_STREAM_IN_ORDER = 1 << 1
};

/**
 * struct vhd_stream - where the bytes of an image come from
 *
 * @size:      sizeof(struct vhd_stream)
 * @flags:     VHD_STREAM_*
 * @read:      gives up to @len bytes, as many as there are: their number, 0 at
 *             the end, or a negative errno; -EINTR and -ECANCELED end all with
 *             VHD_E_CANCELLED
 * @arg:       passed to it
 * @why:       after @read has failed: what to say instead of the errno's text,
 *             or NULL; lives as long as @arg. May be NULL
 * @close:     called once, by vhd_close() or when opening fails; may be NULL
 * @name:      what to call it in messages
 * @spool_dir: where a file may be made for what cannot be had in one pass; NULL:
 *             nowhere
 * @disk_size: of a raw disk, whose end nobody knows before; 0: not known
 * @storing:   told before much is stored, and why that is; may be NULL
 */
struct vhd_stream {
	uint32_t size;
	uint32_t flags;
	int64_t (*read)(void *arg, void *buf, size_t len);
	void *arg;
	const char *(*why)(void *arg);
	void (*close)(void *arg);
	const char *name;
	const char *spool_dir;
	uint64_t disk_size;
	void (*storing)(void *arg, const char *why);
};
#define VHD_STREAM_INIT { .size = sizeof(struct vhd_stream) }

/**
 * vhd_stream_open - open an image whose bytes come front to back
 *
 * @stream:  copied
 * @opts:    may be NULL; for reading only
 * @img_out: the image
 * @err:     may be NULL
 *
 * What the stream is its first bytes say: a VHD, a VHDX, else (as
 * VHD_OPEN_ALLOW_RAW allows) a raw disk or a fixed VHD, whose footer comes last.
 * Payload is not stored, and the image can be converted once, with
 * vhd_convert() or vhd_convert_io(), or, in order, with vhd_stream_write();
 * whatever needs to go back fails with VHD_E_UNSUPPORTED.
 *
 * What cannot be had in one pass is stored first, in a nameless file in
 * @stream->spool_dir and without its zeros, and is then an image as any other:
 * raw disks and fixed VHDs of unknown size, images with a pending log, with a
 * table behind the payload, or with a parent (which @opts->parents must name).
 * What passes within the first MiB needs no file.
 *
 * A raw disk that ends before stream->disk_size goes on with zeros; a longer one
 * is VHD_E_INVAL.  For an image that ends early VHD_E_CORRUPT comes, here or from
 * the conversion, before the target gets its name.
 *
 * Returns: 0; VHD_E_UNSUPPORTED when it would have to be stored and may not;
 *          else as vhd_open().
 * Threads: any; the image is for one thread.
 * Spec:    VHD-E-1, VHD-E-4, VHD-F-50; VHDX-LOG-30.
 */
VHD_API int vhd_stream_open(const struct vhd_stream *stream,
			    const struct vhd_open_opts *opts,
			    struct vhd_image **img_out, struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
