/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_PTABLE_H
#define VHD_COMMON_PTABLE_H

/*
 * Partition tables: MBR with its chain of logical partitions, and GPT.
 *
 * A table is what a guest wrote: not a byte of it is trusted.  Whatever it
 * says, a partition that is reported lies inside the disk and has at least one
 * sector.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhd/types.h>

/* More partitions than this are not shown. */
#define PTABLE_MAX 256

/* enum ptable_kind - which table the disk has */
enum ptable_kind {
	PTABLE_NONE = 0,	/* none, or a file system that fills the disk */
	PTABLE_MBR = 1,
	PTABLE_GPT = 2
};

/**
 * struct part - one partition
 *
 * @number:  as Linux counts: place in the GPT plus 1; 1 to 4 for primary MBR
 *           partitions, from 5 on for logical ones
 * @off:     first byte in the disk
 * @len:     bytes, never 0
 * @mbr_type: type byte of an MBR partition, else 0
 * @type:    type GUID of a GPT partition, else zero
 * @id:      unique GUID of a GPT partition, else zero
 * @name:    UTF-8 of a GPT partition's name, lone surrogates replaced; may be
 *           empty
 */
struct part {
	uint32_t number;
	uint32_t mbr_type;
	uint64_t off;
	uint64_t len;
	struct vhd_guid type;
	struct vhd_guid id;
	char name[36 * 3 + 1];
};

/*
 * A range of the disk that was read to find the partitions.  The answer depends
 * on the bytes in these ranges and on the disk's size, and on nothing else.
 */
struct ptable_range {
	uint64_t off;
	uint64_t len;
};

/**
 * struct ptable - what was found
 *
 * @sector:  logical sector size the table counts in: 512 or 4096
 * @backup:  the GPT was read from its backup copy at the end of the disk
 * @box_end: end of the last container of logical partitions, inside the disk;
 *           0 when there is none
 * @parts:   @count partitions, by number
 * @ranges:  @range_count places that a change of the table would hit
 */
struct ptable {
	enum ptable_kind kind;
	uint32_t sector;
	bool backup;
	uint64_t box_end;
	size_t count;
	struct part parts[PTABLE_MAX];
	size_t range_count;
	struct ptable_range ranges[PTABLE_MAX + 8];
};

/* Reads @len bytes of the disk at @off; returns 0 or a negative errno. */
typedef int (*ptable_read_fn)(void *arg, void *buf, size_t len, uint64_t off);

/**
 * ptable_read - look for partitions
 *
 * @read:   called with ranges inside the disk only
 * @size:   of the disk, bytes
 * @sector: the disk's logical sector size; a table that was made for the other
 *          size (512 or 4096) is found as well
 * @out:    filled whenever 0 is returned; PTABLE_NONE is no error
 *
 * Entries that cannot be right (outside of the disk, without sectors) are left
 * out; they still use up their number.  An extended partition is a container, no
 * partition of its own.  A GPT needs a sound header and a sound array of entries
 * in one of its copies, and an MBR that protects it or is hybrid; without a
 * sound GPT such an MBR is no table either.
 *
 * The work is bounded: at most 256 links of logical partitions and 4 MiB of GPT
 * are read, and nothing is allocated.
 *
 * Returns: 0, or what @read or memory returned (negative errno).
 * Threads: any.
 */
int ptable_read(ptable_read_fn read, void *arg, uint64_t size, uint32_t sector,
		struct ptable *out);

/* ptable_touched - would writing this range change what ptable_read() saw? */
bool ptable_touched(const struct ptable *table, uint64_t off, uint64_t len);

/* ptable_end - where the last partition or container ends; 0 without any */
uint64_t ptable_end(const struct ptable *table);

/* ptable_kind_name - "none", "mbr" or "gpt" */
const char *ptable_kind_name(enum ptable_kind kind);

#endif
