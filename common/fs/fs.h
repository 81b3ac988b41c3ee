/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_FS_H
#define VHD_COMMON_FS_FS_H

/*
 * Which bytes of a disk its file systems do not use.
 *
 * Whoever acts on the answer destroys these bytes, so the rule of everything in
 * here is: a doubt means that a partition is left alone, with a sentence.  A
 * file system counts as understood when it was closed cleanly, has no feature
 * that is not known here, and its own counters agree with what was found.
 *
 * A guest wrote all of it: not a byte is trusted, memory and time are bounded,
 * and nothing is ever written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ptable.h"

/* Reads @len bytes of the disk at @off; returns 0 or a negative errno. */
typedef int (*fs_read_fn)(void *arg, void *buf, size_t len, uint64_t off);

/* Told of one range of unused bytes; returns false to end the walk. */
typedef bool (*fs_emit_fn)(void *arg, uint64_t off, uint64_t len);

/**
 * struct fs_disk - the disk to look at
 *
 * @read:   called with ranges inside the disk only; any length up to 1 MiB
 * @arg:    passed to it
 * @size:   bytes
 * @sector: logical sector size, 512 or 4096
 */
struct fs_disk {
	fs_read_fn read;
	void *arg;
	uint64_t size;
	uint32_t sector;
};

/**
 * struct fs_part - one partition, and what was found in it
 *
 * @number:     as in struct part; 0 when a file system fills the whole disk
 * @off, @len:  where it is in the disk, bytes
 * @understood: @used and @unused are right; else @why says why it was left alone
 * @type:       "ext4", "ntfs", "LUKS", "swap" ...; "" when nothing was recognised
 * @label:      the file system's name, UTF-8 without control characters, or ""
 * @uuid:       as blkid prints it, or ""
 * @block_size: bytes of what the file system hands out at a time, or 0
 * @used:       bytes of the partition that must stay; @used + @unused is @len
 * @unused:     bytes that were reported as unused; 0 when left alone
 * @why:        one sentence without a period; "" when @understood
 */
struct fs_part {
	uint32_t number;
	bool understood;
	uint64_t off, len;
	uint32_t block_size;
	uint64_t used, unused;
	char type[16];
	char label[128];
	char uuid[40];
	char why[160];
};

/**
 * struct fs_report - what was found on a disk
 *
 * @table: the kind of partition table
 * @why:   why the whole disk was left alone, one sentence; else ""
 * @count: of @part, ascending by place; with @why set they are listed as well,
 *         each left alone
 */
struct fs_report {
	enum ptable_kind table;
	char why[160];
	size_t count;
	struct fs_part part[PTABLE_MAX];
};

/**
 * fs_unused - find the bytes of a disk that no file system uses
 *
 * @disk:     must not change meanwhile
 * @emit:     told of each range: ascending, disjoint, inside a partition, never
 *            touching the next; NULL to get the report only
 * @emit_arg: passed to it
 * @report:   about 100 KiB, so better not on the stack; filled when 0 is
 *            returned, also when @emit ended the walk
 *
 * All partitions are looked at and judged before the first range is reported.
 * Bytes outside of partitions are never reported.
 *
 * Returns: 0, what @read returned, -ENOMEM, or -EIO when the disk changed.
 * Threads: any.
 */
int fs_unused(const struct fs_disk *disk, fs_emit_fn emit, void *emit_arg,
	      struct fs_report *report);

#endif
