/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_GZ_OUT_H
#define VHD_TOOLS_GZ_OUT_H

/*
 * Packs a stream of bytes with gzip, by several threads.  The result is one
 * member without name and time: the same bytes give the same file, however many
 * threads there were.
 */

#include <stddef.h>
#include <stdint.h>

struct gz_out;

/*
 * gz_out_new - begin
 *
 * @write:   takes what was packed; returns 0 or -errno; called by the thread
 *           that calls the functions below
 * @level:   1 to 9; 0 is zlib's own choice
 * @threads: that pack; 0: as many as there are processors for us, 8 at most
 *
 * All functions return 0 or -errno; after a failure only gz_out_free() may
 * follow.
 */
int gz_out_new(int (*write)(void *arg, const void *buf, size_t len), void *arg,
	       int level, unsigned threads, struct gz_out **out);
int gz_out_write(struct gz_out *gz, const void *buf, size_t len);
/* @len zeros; costs next to nothing. */
int gz_out_zero(struct gz_out *gz, uint64_t len);
/* The end: everything was written when it returns. */
int gz_out_end(struct gz_out *gz);
/* NULL is fine. */
void gz_out_free(struct gz_out *gz);

#endif
