/* SPDX-License-Identifier: BSD-2-Clause */
#include "compact.h"

#include <errno.h>
#include <string.h>

#include "common/size.h"
#include "common/text.h"

struct reader {
	struct vhd_image *img;
	struct vhd_error *err;
};

static int read_disk(void *arg, void *buf, size_t len, uint64_t off)
{
	const struct reader *r = arg;

	return vhd_pread(r->img, buf, len, off, r->err) == 0 ? 0 : -EIO;
}

/* The image has said already what could not be read. */
static int failed(int rc, const struct reader *r, struct vhd_error *err)
{
	if (r->err->code != VHD_OK) {
		*err = *r->err;
		return err->code;
	}
	err->code = rc == -ENOMEM ? VHD_E_NOMEM : VHD_E_IO;
	err->os_errno = -rc;
	snprintf(err->msg, sizeof(err->msg), "%s", rc == -ENOMEM ?
		 "there is not enough memory to look at the file systems" :
		 "the disk changed while its file systems were looked at");
	return err->code;
}

int compact_fs_unused(void *arg, struct vhd_image *img, vhd_range_fn emit,
		      void *emit_arg, struct vhd_error *err)
{
	struct vhd_error none = { .code = VHD_OK }, read_err = none;
	struct vhd_info info = { .size = sizeof(info) };
	struct compact_fs *fs = arg;
	struct reader r = { img, &read_err };
	struct fs_disk disk = { read_disk, &r, vhd_size(img), 512 };
	int rc;

	if (err == NULL)
		err = &none;
	rc = vhd_layer_info(img, 0, &info, err);
	if (rc != 0)
		return rc;
	if (info.logical_sector != 0)
		disk.sector = info.logical_sector;
	rc = fs_unused(&disk, emit, emit_arg, &fs->report);
	fs->asked = rc == 0;
	return rc == 0 ? 0 : failed(rc, &r, err);
}

bool compact_fs_left_alone(const struct compact_fs *fs)
{
	for (size_t i = 0; fs->asked && i < fs->report.count; i++) {
		if (!fs->report.part[i].understood &&
		    fs->report.part[i].type[0] != '\0')
			return true;
	}
	return false;
}

static void print_part(const struct fs_part *p)
{
	char size[SIZE_TEXT], used[SIZE_TEXT], unused[SIZE_TEXT];
	char name[24];

	snprintf(name, sizeof(name), p->number != 0 ? "%u" : "(disk)",
		 (unsigned)p->number);
	printf("%-10s %-10s %10s ", name, p->type[0] != '\0' ? p->type : "?",
	       size_human(p->len, size));
	if (p->understood) {
		printf("%10s %10s\n", size_human(p->used, used),
		       size_human(p->unused, unused));
		return;
	}
	printf("%10s %10s  left alone: ", "-", "-");
	text_put(stdout, p->why);
	putchar('\n');
}

void compact_fs_print(const struct compact_fs *fs)
{
	const struct fs_report *r = &fs->report;

	if (!fs->asked)
		return;
	if (r->count == 0) {
		fputs("No file system was found on the disk", stdout);
		if (r->why[0] != '\0') {
			fputs(": ", stdout);
			text_put(stdout, r->why);
		}
		fputs("\n\n", stdout);
		return;
	}
	printf("%-10s %-10s %10s %10s %10s\n", "Partition", "Holds", "Size",
	       "Used", "Unused");
	for (size_t i = 0; i < r->count; i++)
		print_part(&r->part[i]);
	putchar('\n');
}

static json_t *part_object(const struct fs_part *p)
{
	json_t *o = json_object();

	json_put(o, "number", p->number != 0 ? json_u64(p->number) :
					       json_null());
	json_put(o, "offset", json_u64(p->off));
	json_put(o, "length", json_u64(p->len));
	json_put(o, "type", json_text(p->type));
	json_put(o, "label", json_text(p->label));
	json_put(o, "uuid", json_text(p->uuid));
	json_put(o, "block_size", json_u64(p->block_size));
	json_put(o, "understood", json_boolean(p->understood));
	json_put(o, "used", p->understood ? json_u64(p->used) : json_null());
	json_put(o, "unused", p->understood ? json_u64(p->unused) :
					      json_null());
	json_put(o, "why", p->understood ? json_null() : json_text(p->why));
	return o;
}

json_t *compact_fs_object(const struct compact_fs *fs)
{
	const struct fs_report *r = &fs->report;
	json_t *o, *parts;

	if (!fs->asked)
		return json_null();
	o = json_object();
	parts = json_array();
	json_put(o, "table", json_string(ptable_kind_name(r->table)));
	json_put(o, "why", r->why[0] != '\0' ? json_text(r->why) :
					       json_null());
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(parts, part_object(&r->part[i]));
	json_put(o, "partitions", parts);
	return o;
}
