/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_FORWARD_H
#define VHD_IO_FORWARD_H

/*
 * A file whose bytes come once, front to back, as those who read files want it.
 *
 * At first everything that passes is kept, so that headers and tables may be
 * read in any order.  After vhd_forward_slide() only a window stays behind the
 * newest byte: reading ahead goes on, going back by more fails.
 *
 * Until the end has come nobody knows how long the file is.  It says that it has
 * VHD_FORWARD_SIZE bytes, and shows a copy of its first 512 at the end of these,
 * where a VHD has its footer.  When the end has come, new views have the size
 * that it is.
 */

#include "io/io.h"

/* More than any file has; whole MiB. */
#define VHD_FORWARD_SIZE (UINT64_C(1) << 62)

enum { VHD_FORWARD_BACK = 64 << 10 };	/* so far back one may always go */

struct vhd_forward;

struct vhd_forward_how {
	/* As in struct vhd_stream. */
	int64_t (*read)(void *arg, void *buf, size_t len);
	void *arg;
	const char *(*why)(void *arg);	/* may be NULL */
	void (*close)(void *arg);	/* may be NULL */
	const char *name;
	const char *spool_dir;		/* NULL: nothing is stored in a file */
};

/* Takes over how->arg, also on failure. */
int vhd_forward_new(const struct vhd_forward_how *how,
		    struct vhd_forward **fw_out, struct vhd_error *err);
/* After all views are closed.  NULL is fine. */
void vhd_forward_free(struct vhd_forward *fw);

/* A file over the stream, for reading; any number of them. */
int vhd_forward_view(struct vhd_forward *fw, struct vhd_io **io_out,
		     struct vhd_error *err);

/* Keeps all up to @end, or to where the stream ends. */
int vhd_forward_fill(struct vhd_forward *fw, uint64_t end,
		     struct vhd_error *err);
/* How much is kept. */
uint64_t vhd_forward_kept(const struct vhd_forward *fw);
/* Has the end come?  Then *@size_out is the length. */
bool vhd_forward_ended(const struct vhd_forward *fw, uint64_t *size_out);
/* The kept bytes, all of the stream, as a file; the caller's. */
int vhd_forward_take(struct vhd_forward *fw, struct vhd_io **io_out,
		     struct vhd_error *err);

/* From here on nothing more is kept. */
void vhd_forward_slide(struct vhd_forward *fw);

/*
 * Before anything else is read: a raw disk of @size bytes.  It reads as zeros
 * behind an earlier end.  @trailer says how many bytes at the end, of the last
 * 512 at @last, are no content; @end is where the stream ends.
 */
void vhd_forward_raw(struct vhd_forward *fw, uint64_t size,
		     size_t (*trailer)(const uint8_t last[512], uint64_t end));

/* How many bytes of a raw disk have not come, once the end has. */
uint64_t vhd_forward_missing(const struct vhd_forward *fw);

/* All of [off, off + len) can be read until the next call. */
int vhd_forward_pin(struct vhd_forward *fw, uint64_t off, uint64_t len,
		    struct vhd_error *err);
/* A stream that ends before @end was cut off. */
void vhd_forward_need(struct vhd_forward *fw, uint64_t end);
/* The end of all that was needed so far. */
uint64_t vhd_forward_needed(const struct vhd_forward *fw);

/* Reads to the end; what comes last can be read in a new view. */
int vhd_forward_drain(struct vhd_forward *fw, struct vhd_error *err);

/*
 * Something failed with @rc: when that was because of the stream, @err says how.
 * Returns the code.
 */
int vhd_forward_explain(const struct vhd_forward *fw, int rc,
			struct vhd_error *err);

#endif
