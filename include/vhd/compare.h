/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMPARE_H
#define VHD_COMPARE_H

/* Where two disks differ, without reading what need not be read. */

#include "error.h"
#include "image.h"
#include "ops.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vhd_compare_result - how two disks differ
 *
 * @compared:   bytes of the longer disk
 * @read_bytes: bytes that had to be read, of both together
 * @same_bytes: bytes that are the same bytes of the same file, and were not read
 * @zero_bytes: bytes that are known as zeros in both, and were not read
 * @differing:  bytes in granules that differ; with @stop_first, in those found
 * @first:      first byte that differs, or VHD_NO_OFFSET
 */
struct vhd_compare_result {
	uint64_t compared;
	uint64_t read_bytes;
	uint64_t same_bytes;
	uint64_t zero_bytes;
	uint64_t differing;
	uint64_t first;
};

/**
 * struct vhd_compare_opts - how to compare
 *
 * @size:         sizeof(struct vhd_compare_opts)
 * @granule:      bytes; a range that differs is a whole number of these, but at
 *                the end of the disk; a power of two from 512 to 1 MiB; 0: 4096
 * @stop_first:   the first difference is enough
 * @differ:       told of each range that differs, neighbours joined; returns
 *                false to end the walk; may be NULL
 * @differ_arg:   passed to it
 * @progress:     may be NULL
 * @progress_arg: passed to it
 */
struct vhd_compare_opts {
	uint32_t size;
	uint32_t granule;
	bool stop_first;
	bool (*differ)(void *arg, uint64_t off, uint64_t len);
	void *differ_arg;
	vhd_progress_fn progress;
	void *progress_arg;
};
#define VHD_COMPARE_OPTS_INIT { .size = sizeof(struct vhd_compare_opts) }

/**
 * vhd_compare - where two disks differ
 *
 * @a, @b:      two images, open, of any format
 * @opts:       may be NULL
 * @result_out: written on success, also when @opts->differ ended the walk; must
 *              not be NULL
 * @err:        may be NULL
 *
 * A disk that is shorter counts as zeros behind its end.  Ranges that are the
 * same bytes of the same file, or known to be zeros in both, are not read; where
 * one is known to be zeros, only the other is.
 *
 * Returns: 0, VHD_E_CANCELLED, VHD_E_INVAL, else as vhd_pread().
 * Threads: any.
 */
VHD_API int vhd_compare(struct vhd_image *a, struct vhd_image *b,
			const struct vhd_compare_opts *opts,
			struct vhd_compare_result *result_out,
			struct vhd_error *err);

/**
 * vhd_diff - make a differencing image of two disks
 *
 * @base:       path of the image that is to be the parent, as for vhd_create()
 * @disk:       the disk that the child is to show, open
 * @dst:        the child
 * @create:     what may be chosen of it; may be NULL
 * @opts:       granule and progress; may be NULL
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * Returns: as vhd_create() and vhd_compare(); VHD_E_INVAL for a @disk that is
 *          smaller than the base.
 * Threads: any.
 */
VHD_API int vhd_diff(const char *base, struct vhd_image *disk, const char *dst,
		     const struct vhd_create_opts *create,
		     const struct vhd_compare_opts *opts,
		     struct vhd_compare_result *result_out,
		     struct vhd_error *err);

/**
 * vhd_layer_changes - what some layers of a chain hold
 *
 * @img:    the image, open
 * @layers: the upper layers that are asked for; vhd_layers() at most
 * @fn:     told of each extent that they answer, in order; returns false to end
 *          the walk
 * @arg:    passed to it
 * @err:    may be NULL
 *
 * What these layers store, and their zeros that hide something; also where one that
 * ends early hides what is below it.  Neighbours are joined.
 *
 * Returns: 0, VHD_E_INVAL, else as vhd_resolve().
 * Threads: as vhd_resolve().
 */
VHD_API int vhd_layer_changes(struct vhd_image *img, uint32_t layers,
			      bool (*fn)(void *arg,
					 const struct vhd_extent *ext),
			      void *arg, struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
