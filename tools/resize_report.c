/* SPDX-License-Identifier: BSD-2-Clause */
/* What was done. */
#include <inttypes.h>
#include <string.h>

#include "json.h"
#include "resize.h"
#include "common/size.h"
#include "common/text.h"

static int report_json(const struct resize_job *j, const struct resize_next *n)
{
	json_t *o = json_object(), *next = json_array();
	bool vhd = j->disk.info.format == VHD_FORMAT_VHD;

	json_put(o, "image", json_text(j->path));
	json_put(o, "dry_run", json_boolean(j->dry_run));
	json_put(o, "old_size", json_u64(j->old));
	json_put(o, "new_size", json_u64(j->new));
	json_put(o, "used_end", j->new < j->old ? json_u64(j->res.used_end) :
						  json_null());
	json_put(o, "partition_table", j->disk.table.kind == PTABLE_NONE ?
		 json_null() :
		 json_string(ptable_kind_name(j->disk.table.kind)));
	json_put(o, "kept_end", json_u64(resize_keep(j)));
	json_put(o, "gpt_fixed", json_boolean(j->fixed || (j->dry_run &&
							   j->disk.fix)));
	json_put(o, "chs_size", vhd && !j->dry_run ? json_u64(j->chs_size) :
						     json_null());
	json_put(o, "creator", j->creator[0] != '\0' ? json_text(j->creator) :
							json_null());
	json_put(o, "old_file_size", json_u64(j->res.old_file));
	json_put(o, "file_size", json_u64(j->res.new_file));
	for (size_t i = 0; i < n->count; i++)
		json_array_append_new(next, json_text(n->text[i]));
	json_put(o, "next", next);
	return json_print(j->cli, o);
}

static const char *what_happens(const struct resize_job *j)
{
	if (j->new > j->old)
		return j->dry_run ? "would be grown" : "grown";
	if (j->new < j->old)
		return j->dry_run ? "would be shrunk" : "shrunk";
	return "";
}

int resize_report(struct resize_job *j)
{
	char from[SIZE_TEXT], to[SIZE_TEXT];
	struct resize_next n;

	resize_next(j, &n);
	if (j->json)
		return report_json(j, &n);
	text_put(stdout, j->path);
	if (j->new == j->old)
		printf(j->to_min ? ": the disk has %s, and cannot have less\n" :
				   ": the disk has %s already\n",
		       size_format(j->new, to));
	else
		printf(": %s from %s to %s\n", what_happens(j),
		       size_format(j->old, from), size_format(j->new, to));
	if (j->fixed || j->disk.fix)
		printf("the backup of the partition table %s to the end of the "
		       "disk\n", j->dry_run ? "would be moved" : "was moved");
	if (j->creator[0] != '\0' &&
	    strcmp(j->creator, j->disk.info.vhd.creator_app) != 0)
		printf("the creator in it is \"%s\" now instead of \"%s\", so "
		       "that QEMU shows all of the disk\n", j->creator,
		       j->disk.info.vhd.creator_app);
	for (size_t i = 0; i < n.count; i++)
		printf("next: %s\n", n.text[i]);
	return CLI_OK;
}
