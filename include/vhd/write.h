/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_WRITE_H
#define VHD_WRITE_H

/*
 * Changing a disk that is open with VHD_OPEN_RDWR.
 *
 * What a power cut may leave, whatever it interrupts: the image opens, a check
 * finds no error, everything acknowledged before the last vhd_flush() reads
 * back, later writes are there or not sector by sector, and no byte shows up
 * where nobody wrote it.
 */

#include "error.h"
#include "image.h"
#include "io.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * vhd_pwrite - write to the virtual disk
 *
 * @img: image opened with VHD_OPEN_RDWR
 * @buf: @len bytes; not kept after return
 * @len: bytes; any length, need not be sector aligned
 * @off: byte offset in the disk, any alignment; @off + @len must not pass its
 *       end
 * @err: may be NULL
 *
 * The data is durable after the next vhd_flush() that succeeds.  When power
 * fails before that, each sector holds its old or its new bytes.  On failure any
 * part of the range may hold old or new bytes; no other byte has changed.
 * Writing to a differencing image changes nothing in its parents; writes that
 * cover whole 4 KiB units need not read from them.
 *
 * Returns: 0; VHD_E_RANGE, VHD_E_READONLY, VHD_E_IO, VHD_E_NOMEM;
 *          VHD_E_BUSY, see vhd_write_begin();
 *          VHD_E_NOSPACE, after which writing may go on once there is room;
 *          VHD_E_POISONED after metadata could not be written: only
 *          vhd_close() and a new vhd_open() help;
 *          VHD_E_CORRUPT when the image's own structures do not allow it.
 * Threads: any number beside each other, reads and flushes on one image.
 *          Overlapping writes at the same time may mix by sectors.
 * Spec:    VHDX-WR-10 to VHDX-WR-20, VHD-W-2 to VHD-W-6.
 */
VHD_API int vhd_pwrite(struct vhd_image *img, const void *buf, size_t len,
		       uint64_t off, struct vhd_error *err);

/**
 * vhd_pwritev - write to the virtual disk from several pieces of memory
 *
 * As vhd_pwrite(); the lengths of @iov add up to the length of the write.
 */
VHD_API int vhd_pwritev(struct vhd_image *img, const struct vhd_iov *iov,
			int cnt, uint64_t off, struct vhd_error *err);

/**
 * vhd_discard - the guest does not need these bytes any more
 *
 * @img: image opened with VHD_OPEN_RDWR
 * @off: first byte
 * @len: bytes; the range must stay inside the disk
 * @err: may be NULL
 *
 * Blocks that are covered as a whole read as zeros afterwards and give their
 * space back, to the file system where it can take holes and to later writes,
 * once the loss is durable.  Of other blocks, and of all blocks of a
 * differencing VHD, which has no word for zeros, what this image stores reads as
 * zeros and what its parent shows stays.  A block that another write is under
 * way to counts as covered in part.  Fixed disks keep everything: the call does
 * nothing (VHDX-TRIM-04).
 *
 * Returns: as vhd_pwrite().
 * Threads: as vhd_pwrite().
 * Spec:    VHDX-TRIM-01, VHDX-TRIM-02, VHDX-SPC-05; VHD-S-14, VHD-W-7.
 */
VHD_API int vhd_discard(struct vhd_image *img, uint64_t off, uint64_t len,
			struct vhd_error *err);

/* Flags of vhd_write_zeroes(). */
enum {
	/* Keep the space of what is allocated. */
	VHD_ZERO_KEEP = 1 << 0
};

/**
 * vhd_write_zeroes - make a range read as zeros
 *
 * @img:   image opened with VHD_OPEN_RDWR
 * @off:   first byte
 * @len:   bytes; the range must stay inside the disk
 * @flags: 0, or VHD_ZERO_KEEP
 * @err:   may be NULL
 *
 * Nothing is allocated for bytes that read as zeros already.
 *
 * Returns: as vhd_pwrite().
 * Threads: as vhd_pwrite().
 * Spec:    VHDX-WR-25; VHD-S-13, VHD-S-14.
 */
VHD_API int vhd_write_zeroes(struct vhd_image *img, uint64_t off, uint64_t len,
			     uint32_t flags, struct vhd_error *err);

/**
 * vhd_flush - make everything acknowledged so far durable
 *
 * @img: image opened with VHD_OPEN_RDWR
 * @err: may be NULL
 *
 * Flushes that come while one is running share the next.  One flush of the file
 * when no metadata is waiting, two otherwise.
 *
 * Returns: 0; VHD_E_READONLY, VHD_E_IO, VHD_E_NOSPACE, VHD_E_NOMEM,
 *          VHD_E_POISONED. A flush of the file that failed is never tried
 *          again: it poisons the image.
 * Threads: as vhd_pwrite().
 * Spec:    VHDX-WR-19, VHDX-WR-23, VHD-W-2.
 */
VHD_API int vhd_flush(struct vhd_image *img, struct vhd_error *err);

/**
 * vhd_writeback - hand metadata that waits in memory to the operating system
 *
 * @img: image opened with VHD_OPEN_RDWR
 * @err: may be NULL
 *
 * For callers without VHD_OPEN_THREAD who want no more than a second of
 * unflushed writes to depend on the life of the process: call it from a timer.
 * Nothing is promised about a power cut.  It costs a flush of the file only
 * where order demands one.
 *
 * Returns: as vhd_flush().
 * Threads: as vhd_pwrite().
 */
VHD_API int vhd_writeback(struct vhd_image *img, struct vhd_error *err);

/** A range whose bytes the caller is about to move. Opaque. */
struct vhd_move;

/**
 * vhd_read_begin - find bytes, and keep them where they are
 *
 * As vhd_resolve(); until vhd_read_end() nobody reuses the space of these
 * extents, even if their blocks are discarded meanwhile.
 *
 * @move_out: to be ended by vhd_read_end(), from any thread
 *
 * Returns: as vhd_resolve(); VHD_E_NOMEM.
 * Threads: as vhd_pread().
 */
VHD_API int vhd_read_begin(struct vhd_image *img, uint64_t off, uint64_t len,
			   struct vhd_extent *ext, size_t max, size_t *n_out,
			   struct vhd_move **move_out, struct vhd_error *err);

/**
 * vhd_read_end - the bytes were read
 *
 * @move: set to NULL; a pointer to NULL is fine
 *
 * Threads: any.
 */
VHD_API void vhd_read_end(struct vhd_image *img, struct vhd_move **move);

/**
 * vhd_write_begin - get a place in the image's file for guest bytes
 *
 * @img:      image opened with VHD_OPEN_RDWR
 * @off:      first byte
 * @len:      bytes, > 0; the range must stay inside the disk
 * @ext_out:  where the bytes go: kind DATA, layer 0; @ext_out->len may be less
 *            than @len: call again for the rest
 * @move_out: to be ended by vhd_write_end(), from any thread
 * @err:      may be NULL
 *
 * The caller writes all bytes of the extent to vhd_layer_fd() or through its own
 * I/O, nothing else, and then ends the move.  Where the bytes are new to this
 * image, readers see the old state until then, or until another write to the
 * same block ends.  Moves wait neither for each other nor for other writes, so
 * one thread may have any number of them under way; what they keep from being
 * reused makes the file grow, so they should be short.  A vhd_flush() covers
 * moves that ended before it began.  All have to end before vhd_close().
 *
 * Returns: as vhd_pwrite(); VHD_E_INVAL; VHD_E_BUSY when only a part of a
 *          logical sector is to be written and another write to all of it is
 *          under way. (Then vhd_pwrite() waits for other calls to end, and is
 *          refused itself by a move.)
 * Threads: as vhd_pwrite().
 */
VHD_API int vhd_write_begin(struct vhd_image *img, uint64_t off, uint64_t len,
			    struct vhd_extent *ext_out,
			    struct vhd_move **move_out, struct vhd_error *err);

/**
 * vhd_write_end - the bytes were written, or not
 *
 * @move: set to NULL; a pointer to NULL is fine
 * @ok:   all bytes of the extent were written; else the range holds anything
 *        where this image stored it before, or where another write to the same
 *        block was under way as well, and else its old state
 * @err:  may be NULL
 *
 * Returns: 0, or why the bytes did not become part of the disk: as
 *          vhd_pwrite().  Always ends the move.
 * Threads: any.
 */
VHD_API int vhd_write_end(struct vhd_image *img, struct vhd_move **move,
			  bool ok, struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
