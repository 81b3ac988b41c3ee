/* SPDX-License-Identifier: BSD-2-Clause */
/* The partitions that `info` shows: found by reading the disk as a guest would. */
#include <errno.h>
#include <string.h>

#include "errors.h"
#include "info.h"
#include "json.h"

static const struct {
	uint32_t type;
	const char *name;
} mbr_types[] = {
	{ 0x01, "FAT12" },
	{ 0x04, "FAT16" },
	{ 0x06, "FAT16" },
	{ 0x07, "NTFS or exFAT" },
	{ 0x0b, "FAT32" },
	{ 0x0c, "FAT32" },
	{ 0x0e, "FAT16" },
	{ 0x27, "Windows recovery" },
	{ 0x42, "Windows dynamic disk" },
	{ 0x82, "Linux swap" },
	{ 0x83, "Linux" },
	{ 0x8e, "Linux LVM" },
	{ 0xa5, "FreeBSD" },
	{ 0xa6, "OpenBSD" },
	{ 0xa9, "NetBSD" },
	{ 0xaf, "Apple HFS+" },
	{ 0xef, "EFI system" },
	{ 0xfd, "Linux RAID" },
};

static const struct {
	const char *type;
	const char *name;
} gpt_types[] = {
	{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system" },
	{ "21686148-6449-6e6f-744e-656564454649", "BIOS boot" },
	{ "e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved" },
	{ "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft basic data" },
	{ "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", "Windows dynamic disk" },
	{ "af9b60a0-1431-4f62-bc68-3311714a69ad", "Windows dynamic disk" },
	{ "de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery" },
	{ "e75caf8f-f680-4cee-afa3-b001e56efc2d", "Storage Spaces" },
	{ "0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux" },
	{ "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap" },
	{ "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)" },
	{ "b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM64)" },
	{ "bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux boot" },
	{ "933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home" },
	{ "3b8f8425-20e0-4f3b-907f-1a25a76f98e8", "Linux server data" },
	{ "e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM" },
	{ "a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID" },
	{ "83bd6b9d-7f41-11dc-be0b-001560b84f0f", "FreeBSD boot" },
	{ "516e7cb5-6ecf-11d6-8ff8-00022d09712b", "FreeBSD swap" },
	{ "516e7cb6-6ecf-11d6-8ff8-00022d09712b", "FreeBSD UFS" },
	{ "516e7cba-6ecf-11d6-8ff8-00022d09712b", "FreeBSD ZFS" },
	{ "48465300-0000-11aa-aa11-00306543ecac", "Apple HFS+" },
	{ "7c3457ef-0000-11aa-aa11-00306543ecac", "Apple APFS" },
};

static const char *gpt_type_name(const char *type)
{
	for (size_t i = 0; i < sizeof(gpt_types) / sizeof(gpt_types[0]); i++) {
		if (strcmp(gpt_types[i].type, type) == 0)
			return gpt_types[i].name;
	}
	return NULL;
}

const char *info_part_type(enum ptable_kind kind, const struct part *p,
			   char text[VHD_GUID_TEXT])
{
	if (kind == PTABLE_GPT) {
		vhd_guid_format(&p->type, text);
		return gpt_type_name(text);
	}
	snprintf(text, VHD_GUID_TEXT, "%02x", (unsigned)p->mbr_type);
	for (size_t i = 0; i < sizeof(mbr_types) / sizeof(mbr_types[0]); i++) {
		if (mbr_types[i].type == p->mbr_type)
			return mbr_types[i].name;
	}
	return NULL;
}

struct reader {
	struct vhd_image *img;
	struct vhd_error *err;
};

static int read_disk(void *arg, void *buf, size_t len, uint64_t off)
{
	const struct reader *r = arg;

	return vhd_pread(r->img, buf, len, off, r->err) == 0 ? 0 : -EIO;
}

bool info_parts(struct cli *cli, const struct info_view *view,
		struct ptable *table_out, struct vhd_error *err_out)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct reader r = { view->img, err_out };

	err_out->code = VHD_OK;
	if (vhd_layer_info(view->img, 0, &info, err_out) == 0 &&
	    ptable_read(read_disk, &r, vhd_size(view->img),
			info.logical_sector, table_out) == 0)
		return true;
	/* That a parent is not there has been said already. */
	if (view->parent_err == NULL || err_out->code != VHD_E_PARENT) {
		cli_warn(cli, err_out->file[0] != '\0' ? err_out->file :
							 view->path,
			 "partitions cannot be read: %s", err_out->msg);
		error_hint(cli, err_out, view->path);
	}
	return false;
}

static json_t *part_object(enum ptable_kind kind, const struct part *p)
{
	bool gpt = kind == PTABLE_GPT;
	json_t *o = json_object();
	char type[VHD_GUID_TEXT];
	const char *name = info_part_type(kind, p, type);

	json_put(o, "number", json_u64(p->number));
	json_put(o, "offset", json_u64(p->off));
	json_put(o, "length", json_u64(p->len));
	json_put(o, "type", json_string(type));
	json_put(o, "type_name", name != NULL ? json_string(name) :
						json_null());
	json_put(o, "id", gpt ? json_guid(&p->id) : json_null());
	json_put(o, "name", gpt ? json_text(p->name) : json_null());
	return o;
}

static json_t *table_object(const struct ptable *t)
{
	json_t *o;

	if (t->kind == PTABLE_NONE)
		return json_null();
	o = json_object();
	json_put(o, "kind", json_string(ptable_kind_name(t->kind)));
	json_put(o, "sector", json_u64(t->sector));
	json_put(o, "backup", json_boolean(t->backup));
	return o;
}

void info_parts_json(struct cli *cli, const struct info_view *view,
		     json_t *doc)
{
	struct vhd_error err = { .code = VHD_OK };
	json_t *array = json_array();
	struct ptable t;
	bool known = info_parts(cli, view, &t, &err);

	for (size_t i = 0; known && i < t.count; i++)
		json_array_append_new(array, part_object(t.kind, &t.parts[i]));
	json_put(doc, "partition_table", known ? table_object(&t) :
						 json_null());
	json_put(doc, "partitions", array);
	json_put(doc, "partition_error", known ? json_null() :
						 json_error_object(&err));
}
