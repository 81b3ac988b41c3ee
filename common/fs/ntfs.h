/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_FS_NTFS_H
#define VHD_COMMON_FS_NTFS_H

/* NTFS: what the files ntfs*.c share. */

#include "common/fs/fs_priv.h"

enum {
	NTFS_RECORD_MAX = 4096,
	NTFS_INDEX_MAX = 65536,
	NTFS_WINDOW = 65536,
	NTFS_RUNS_MAX = 65536	/* pieces of a file that is read */
};

/* The files with fixed numbers. */
enum {
	NTFS_MFT = 0,
	NTFS_LOGFILE = 2,
	NTFS_VOLUME = 3,
	NTFS_ROOT = 5,
	NTFS_BITMAP = 6
};

enum {
	NTFS_AT_LIST = 0x20,
	NTFS_AT_VOLUME_NAME = 0x60,
	NTFS_AT_VOLUME_INFO = 0x70,
	NTFS_AT_DATA = 0x80,
	NTFS_AT_INDEX_ROOT = 0x90,
	NTFS_AT_INDEX = 0xa0,
	NTFS_AT_END = -1
};

#define NTFS_NO_LCN UINT64_MAX	/* a hole */

struct ntfs_run {
	uint64_t vcn, lcn, len;	/* clusters */
};

/* Where the content of an attribute is; the runs follow on each other. */
struct ntfs_runs {
	size_t count, room;
	struct ntfs_run *run;
	uint64_t clusters;	/* that the runs cover */
	uint64_t size;		/* bytes of content */
	uint64_t valid;		/* bytes that were ever written; then zeros */
};

/* One attribute inside a record that was checked. */
struct ntfs_attr {
	uint32_t type;
	bool resident;
	const uint8_t *raw;	/* header */
	uint32_t len;		/* bytes with the header */
	const uint8_t *value;	/* resident: content */
	uint32_t value_len;
	uint64_t first_vcn;	/* not resident */
	const uint8_t *pairs;	/* not resident: the runs, encoded */
	uint32_t pairs_len;
};

struct ntfs {
	struct fs_vol *v;
	uint32_t cluster;	/* bytes */
	uint32_t record;	/* bytes */
	uint64_t clusters;
	bool booting;		/* @mft grows while it is found */
	struct ntfs_runs mft;
	struct ntfs_runs bitmap;
	uint8_t rec[NTFS_RECORD_MAX];	/* record at hand */
	uint8_t more[NTFS_RECORD_MAX];	/* what belongs to it */
	uint64_t window_off;	/* bytes of the bitmap; UINT64_MAX: none */
	uint8_t window[NTFS_WINDOW];
};

/* "damaged: run chkdsk", with what it is. */
int ntfs_damaged(struct ntfs *n, const char *what);

/*
 * Takes @len bytes that have sequence numbers at the end of each 512 bytes for
 * what they are; leaves the volume alone when a write of them was torn.
 */
int ntfs_fixup(struct ntfs *n, uint8_t *raw, uint32_t len);

/* Checks a record that is in @rec as read.  @in_use_out: a file has it. */
int ntfs_record_check(struct ntfs *n, uint8_t *rec, bool *in_use_out);

/* Reads record @number; leaves the volume alone when no file has it. */
int ntfs_record_load(struct ntfs *n, uint64_t number, uint8_t *rec);

/*
 * The next attribute of a record; @at is 0 at first.  An end is one of type
 * NTFS_AT_END.
 */
int ntfs_attr_next(struct ntfs *n, const uint8_t *rec, uint32_t *at,
		   struct ntfs_attr *attr);

/* Finds one by type and name ("" or ASCII); type NTFS_AT_END: has none. */
int ntfs_attr_find(struct ntfs *n, const uint8_t *rec, uint32_t type,
		   const char *name, struct ntfs_attr *attr);

/* Takes one run off; @lcn carries over, @run->len 0 is the end. */
int ntfs_run_next(struct ntfs *n, const uint8_t **at, const uint8_t *end,
		  int64_t *lcn, struct ntfs_run *run);

/*
 * Where the content of attribute @type, @name of the file @number is.  Follows
 * an attribute list.  @number's record is in n->rec afterwards.  @r was zeroed;
 * to be given to ntfs_runs_free().
 */
int ntfs_runs_load(struct ntfs *n, uint64_t number, uint32_t type,
		   const char *name, struct ntfs_runs *r);
void ntfs_runs_free(struct ntfs_runs *r);

/* Content of a file; a hole and what was never written read as zeros. */
int ntfs_read(struct ntfs *n, const struct ntfs_runs *r, void *buf, size_t len,
	      uint64_t off);

/* Leaves the volume alone unless Windows has closed it. */
int ntfs_state_check(struct ntfs *n);

/* Leaves it alone, and says so, when Windows sleeps on this disk. */
int ntfs_sleep_check(struct ntfs *n);

/* Leaves it alone when Windows has shadow copies of it. */
int ntfs_vss_check(struct ntfs *n);

/* Is every cluster that a file has marked in $Bitmap? */
int ntfs_files_check(struct ntfs *n);

#endif
