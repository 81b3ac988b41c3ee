/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_IO_H
#define VHD_IO_IO_H

/*
 * The one door to a file: checks ranges, loops over short transfers and EINTR,
 * counts, and turns errno into sentences.  Backends are tables of functions
 * (vhd/io.h); wrappers are backends that hold another one.
 */

#include "vhd/error.h"
#include "vhd/image.h"
#include "vhd/io.h"

struct vhd_io;

/*
 * Takes over @handle: it is closed by vhd_io_close(), and also when this fails.
 * @name is copied.
 */
int vhd_io_new(const struct vhd_io_ops *ops, void *handle, const char *name,
	       struct vhd_io **io_out, struct vhd_error *err);

/* Always releases and clears; reports the first failure.  NULL is fine. */
int vhd_io_close(struct vhd_io **io, struct vhd_error *err);

const char *vhd_io_name(const struct vhd_io *io);
/*
 * @io shows @file, which must outlive it, as it would be: its place among other
 * files, its identity and its times are that one's.
 */
void vhd_io_stand_for(struct vhd_io *io, const struct vhd_io *file);
/* Somebody else has made the file reach to @end. */
void vhd_io_saw_end(struct vhd_io *io, uint64_t end);
/* The one that @io stands for, or itself. */
const struct vhd_io *vhd_io_file(const struct vhd_io *io);
/* The name is the path of a file, beside which others may be looked for. */
bool vhd_io_has_path(const struct vhd_io *io);
bool vhd_io_writable(const struct vhd_io *io);
int vhd_io_fd(const struct vhd_io *io);

/* All @len bytes or an error: VHD_E_CORRUPT without a rule at end of file. */
int vhd_io_read(struct vhd_io *io, void *buf, size_t len, uint64_t off,
		struct vhd_error *err);

/* Bytes past the end of the file are zeros; where it was longer before, as far as
 * this object knows, VHD_E_IO. */
int vhd_io_read_padded(struct vhd_io *io, void *buf, size_t len, uint64_t off,
		       struct vhd_error *err);

int vhd_io_write(struct vhd_io *io, const void *buf, size_t len, uint64_t off,
		 struct vhd_error *err);
int vhd_io_flush(struct vhd_io *io, struct vhd_error *err);
int vhd_io_size(struct vhd_io *io, uint64_t *size_out, struct vhd_error *err);
int vhd_io_set_size(struct vhd_io *io, uint64_t size, struct vhd_error *err);

/*
 * Makes a range read as zeros: by the backend if it can, else by writing.  Like
 * writing, it makes the file longer when the range ends past its end.
 */
int vhd_io_zero(struct vhd_io *io, uint64_t len, uint64_t off,
		struct vhd_error *err);
/*
 * As vhd_io_zero(), but gives the space back where the backend can, and never
 * changes the size of the file.
 */
int vhd_io_punch(struct vhd_io *io, uint64_t len, uint64_t off,
		 struct vhd_error *err);
/*
 * As vhd_io_punch(), but where the backend cannot, *@done_out is false and
 * nothing has changed.
 */
int vhd_io_try_punch(struct vhd_io *io, uint64_t len, uint64_t off,
		     bool *done_out, struct vhd_error *err);

/*
 * The first run of stored data in [off, end): *start_out .. *stop_out, clipped
 * to the range; both are @end when there is only a hole.  Backends that cannot
 * tell say that everything is data.  Offsets past the end of the file are hole.
 */
int vhd_io_next_data(struct vhd_io *io, uint64_t off, uint64_t end,
		     uint64_t *start_out, uint64_t *stop_out,
		     struct vhd_error *err);

/* VHD_E_BUSY with a sentence when another program holds a conflicting lock. */
int vhd_io_lock(struct vhd_io *io, enum vhd_lock_mode mode,
		struct vhd_error *err);

void vhd_io_stats(const struct vhd_io *io, struct vhd_io_stats *out);

#endif
