/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_INFO_H
#define VHD_TOOLS_INFO_H

#include <jansson.h>

#include "cli.h"
#include "common/ptable.h"

/**
 * struct info_view - what `info` shows
 *
 * @img:        the image
 * @path:       its name
 * @chain:      describe every layer, not the image alone
 * @bat_budget: bytes of block allocation table that may be read to count
 * @parent_err: why the chain is not there; NULL when it is complete
 */
struct info_view {
	struct vhd_image *img;
	const char *path;
	bool chain;
	uint64_t bat_budget;
	const struct vhd_error *parent_err;
};

/* Each prints everything; an exit status. */
int info_text(struct cli *cli, const struct info_view *view);
int info_json(struct cli *cli, const struct info_view *view);

/*
 * Counts the blocks of a layer within the budget.  A table that cannot be read
 * is worth a warning; the headers are shown all the same.
 */
void info_usage(struct cli *cli, const struct info_view *view, uint32_t layer,
		struct vhd_usage *usage_out);

/*
 * Looks for partitions in the disk.  When it cannot be read, this is false, the
 * reason is in @err_out, and a warning was given unless the missing parent that
 * was warned of is the reason.
 */
bool info_parts(struct cli *cli, const struct info_view *view,
		struct ptable *table_out, struct vhd_error *err_out);

/* The type as text into @text, its name returned; NULL when it has none here. */
const char *info_part_type(enum ptable_kind kind, const struct part *p,
			   char text[VHD_GUID_TEXT]);

/* The members of @doc that tell of partitions. */
void info_parts_json(struct cli *cli, const struct info_view *view,
		     json_t *doc);

/* Room for the texts of info_time(). */
enum { INFO_TIME_TEXT = 40 };

/* "2024-03-01T12:00:00Z" */
const char *info_time(int64_t seconds, char text[INFO_TIME_TEXT]);

/* "none", "first", "second", "both" for VHD_COPY_* */
const char *info_copies(uint32_t copies);

/* "none", "clean", "replayed" */
const char *info_log_name(enum vhd_log_state log);

/* "relative", "absolute", "volume", "name" */
const char *info_locator_name(enum vhd_locator_kind kind);

#endif
