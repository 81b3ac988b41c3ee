/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_PRIV_H
#define VHD_COMMON_FS_PRIV_H

/*
 * What the readers of the file systems share.
 *
 * A reader is a function that walks one volume, checks whatever it can, and
 * names the unused ranges in ascending order.  It is run twice: the first run
 * only counts, and only when it came to its end without a doubt does the second
 * one report ranges.
 *
 * All functions here that return int return one of enum fs_verdict, or a
 * negative errno when the disk could not be read.
 */

#include "common/fs/fs.h"

enum fs_verdict {
	FS_OK = 0,
	FS_LEFT = 1,		/* left alone; the reason is in part->why */
	FS_ENDED = 2		/* the caller wants no more ranges */
};

/* Where ranges go: joined when they touch, checked to ascend. */
struct fs_sink {
	fs_emit_fn emit;	/* NULL: nobody is told */
	void *arg;
	uint64_t off, len;	/* held back, because it may still grow */
};

/* One volume while it is read; offsets count from its start. */
struct fs_vol {
	const struct fs_disk *disk;
	struct fs_part *part;
	struct fs_sink *sink;
	uint64_t len;		/* bytes */
	uint64_t next;		/* the least offset that may still be unused */
	uint64_t unused;	/* bytes named until now */
	bool asleep;		/* a system sleeps on this disk */
};

typedef int (*fs_scan_fn)(struct fs_vol *v);

/* Says why, as printf() does, and returns FS_LEFT. */
int fs_left(struct fs_part *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Leaves the volume alone when the range is not inside it. */
int vol_read(struct fs_vol *v, void *buf, size_t len, uint64_t off);

/*
 * The next unused range, which may be empty.  Leaves the volume alone when it
 * is not inside of it or does not come after all before.
 */
int vol_unused(struct fs_vol *v, uint64_t off, uint64_t len);

/* Reports what is held back. */
int sink_flush(struct fs_sink *s);

/**
 * struct fs_bits - a bitmap of which bits that are 0 stand for unused units
 *
 * @unit:  bytes of one unit
 * @base:  offset in the volume of unit 0
 * @count: units
 * @at:    the next unit
 * @zeros: bits that were 0
 */
struct fs_bits {
	uint64_t unit, base, count;
	uint64_t at;
	uint64_t zeros;
	uint64_t run;		/* first unit of the run of 0 that ends at @at */
	bool open;		/* there is such a run */
};

/* Takes the next @len bytes of the bitmap, least significant bit first. */
int bits_take(struct fs_vol *v, struct fs_bits *b, const uint8_t *map,
	      size_t len);

/* The same for one unit. */
int bits_one(struct fs_vol *v, struct fs_bits *b, bool used);

/* The last run ends with the bitmap. */
int bits_end(struct fs_vol *v, struct fs_bits *b);

/* Bytes as text: UTF-8 that is valid stays, all else becomes '?'. */
void put_text(char *to, size_t size, const uint8_t *raw, size_t len);
/* UTF-16LE, up to a 0. */
void put_text16(char *to, size_t size, const uint8_t *raw, size_t units);
/* 16 bytes in the order they are printed in; nothing when all are 0. */
void put_uuid(char *to, size_t size, const uint8_t *raw);

/*
 * Looks for signatures.  FS_OK: part->type is set, and @scan_out may be NULL
 * for one that has no reader (part->why says what it is).
 */
int fs_probe(struct fs_vol *v, fs_scan_fn *scan_out);

/* The partitions of @disk, judged as a whole: fills @rep but for contents. */
int fs_table(const struct fs_disk *disk, struct fs_report *rep);

/* Whose a partition is by its type, when its content does not count; or NULL. */
const char *fs_owner(const struct part *p);

/* Are these 10 bytes at the end of a page those of a system that sleeps? */
bool fs_sleep_mark(const uint8_t *at);

int ext_scan(struct fs_vol *v);
int ntfs_scan(struct fs_vol *v);
int fat_scan(struct fs_vol *v);
int exfat_scan(struct fs_vol *v);
int xfs_scan(struct fs_vol *v);
int btrfs_scan(struct fs_vol *v);

/* Is CRC-32C of the bytes @want? */
bool fs_crc32c_ok(const void *data, size_t len, uint32_t want);

static inline bool is_pow2(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Is [off, off + len) inside [0, limit)? */
static inline bool range_in(uint64_t off, uint64_t len, uint64_t limit)
{
	return len <= limit && off <= limit - len;
}

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

#endif
