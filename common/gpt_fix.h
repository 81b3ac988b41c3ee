/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_GPT_FIX_H
#define VHD_COMMON_GPT_FIX_H

/*
 * A GPT has a copy of itself in the last sectors of the disk.  When the disk
 * becomes larger or smaller, that copy has to move, and both headers have to say
 * where the new end is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct gpt_disk - the disk the table is on
 *
 * @read, @write, @flush: return 0 or a negative errno; ranges lie inside the
 *                        disk
 * @size:                 bytes of the disk as it is at present
 * @sector:               size of the sectors that the table counts in
 */
struct gpt_disk {
	int (*read)(void *arg, void *buf, size_t len, uint64_t off);
	int (*write)(void *arg, const void *buf, size_t len, uint64_t off);
	int (*flush)(void *arg);
	void *arg;
	uint64_t size;
	uint32_t sector;
};

/** A table that was read. Opaque. */
struct gpt_fix;

/**
 * gpt_fix_load - read the first copy of the table
 *
 * @disk:    kept; must outlive the result; writes nothing yet
 * @fix_out: NULL when the first copy is not sound; to be freed with
 *           gpt_fix_free()
 *
 * Returns: 0, -ENOMEM, or what @disk->read returned.
 */
int gpt_fix_load(const struct gpt_disk *disk, struct gpt_fix **fix_out);
void gpt_fix_free(struct gpt_fix *fix);

/* The smallest disk that has room for all partitions and the copy. */
uint64_t gpt_fix_least(const struct gpt_fix *fix);

/* Where the second copy is now: the end of its last sector, bytes. */
uint64_t gpt_fix_backup_end(const struct gpt_fix *fix);

/*
 * The second copy that fitting to @size bytes would make zeros: *len_out is 0
 * when there is none.  Returns: 0 or a negative errno.
 */
int gpt_fix_old(struct gpt_fix *fix, uint64_t size, uint64_t *off_out,
		uint64_t *len_out);

/**
 * gpt_fix_needed - is there anything to write for a disk of @size bytes?
 *
 * Returns: 1, 0, or a negative errno.
 */
int gpt_fix_needed(struct gpt_fix *fix, uint64_t size);

/**
 * gpt_fix_apply - fit the table to a disk of @size bytes
 *
 * @size: at least gpt_fix_least(), at most the disk's present size: a disk is
 *        made larger before, and cut after this
 *
 * A power cut at any moment leaves a sound first copy: the new second copy is
 * durable before the first one names it, and the old second copy becomes zeros
 * only when nothing names it any more.  The same call finishes the work.
 *
 * Returns: 0, -EINVAL for a size that does not fit, or what the disk returned.
 */
int gpt_fix_apply(struct gpt_fix *fix, uint64_t size);

#endif
