/* SPDX-License-Identifier: BSD-2-Clause */
#include "convert_warn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/ptable.h"
#include "common/size.h"

/*
 * Some programs showed their guests another size than the footer records
 * (VHD-C-21).  The library knows which: ask it for both.
 */
void convert_warn_size(struct cli *cli, const char *path,
			    const struct vhd_open_opts *how, uint64_t size)
{
	struct vhd_open_opts opts = *how;
	struct vhd_image *img = NULL;
	char meant[SIZE_TEXT], used[SIZE_TEXT];

	opts.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK;
	opts.size_rule = VHD_SIZE_AUTO;
	opts.parents = NULL;
	opts.log = NULL;
	if (vhd_open(path, &opts, &img, NULL) != 0)
		return;
	if (vhd_size(img) != size)
		cli_warn(cli, path, "the program that made it showed its guest "
			 "%s, %s are converted; --vhd-size auto takes its size",
			 size_format(vhd_size(img), meant),
			 size_format(size, used));
	vhd_close(&img, NULL);
}

/* The library takes a file that was cut off as its format says: as zeros. */
void convert_warn_missing(struct cli *cli, const char *path, bool stream,
			  const struct vhd_convert_result *r)
{
	if (r->missing_bytes == 0)
		return;
	if (stream)
		cli_warn(cli, path, "the stream ended %" PRIu64 " bytes before "
			 "the disk does, and these were taken as zeros: see "
			 "whether who wrote it has failed", r->missing_bytes);
	else
		cli_warn(cli, path, "%" PRIu64 " bytes of the disk lie past the "
			 "end of the file and were taken as zeros: it may have "
			 "been cut off; vhd-util check --chain says where",
			 r->missing_bytes);
}

static int disk_read(void *arg, void *buf, size_t len, uint64_t off)
{
	return vhd_pread(arg, buf, len, off, NULL) == 0 ? 0 : -EIO;
}

static bool has_gpt(struct vhd_image *img, uint32_t sector)
{
	struct ptable *t = calloc(1, sizeof(*t));
	bool gpt = t != NULL &&
		   ptable_read(disk_read, img, vhd_size(img), sector, t) == 0 &&
		   t->kind == PTABLE_GPT;

	free(t);
	return gpt;
}

/* A disk that was rounded up ends behind the backup of its GPT. */
static void warn_gpt(struct cli *cli, const char *dst, struct vhd_image *src,
		     const struct vhd_convert_result *r)
{
	char size[SIZE_TEXT];

	if (r->target_size <= r->source_size ||
	    r->target_sector != r->source_sector ||
	    !has_gpt(src, r->source_sector))
		return;
	cli_warn(cli, dst, "the disk now has %s, and the "
		 "backup of its GPT is not at the end any more: vhd-util resize "
		 "--fix-gpt IMAGE %" PRIu64 " moves it",
		 size_format(r->target_size, size), r->target_size);
}

/* What is encrypted cannot be read here; what is empty can. */
static void warn_key(struct cli *cli, const char *dst, struct vhd_image *src)
{
	struct vhd_info info = { .size = sizeof(info) };

	if (vhd_layer_info(src, 0, &info, NULL) == 0 &&
	    info.format == VHD_FORMAT_VHD && info.vhd.has_keyhash)
		cli_warn(cli, dst, "the source records the hash of an "
			 "encryption key, and this copy does not: it is a "
			 "plain disk");
}

void convert_warn_target(struct cli *cli, const char *dst,
			 struct vhd_image *src,
			 const struct vhd_convert_result *r)
{
	if (r->target_sector != r->source_sector)
		cli_warn(cli, dst, "the disk now has sectors of %" PRIu32
			 " bytes, the source's have %" PRIu32 ": a guest's "
			 "partition table counts in these",
			 r->target_sector, r->source_sector);
	warn_gpt(cli, dst, src, r);
	warn_key(cli, dst, src);
}

/* Of a name that says nothing, or nothing of ours: NULL. */
static const char *named(const char *name)
{
	static const char *const ends[][2] = {
		{ ".vhd", "vhd" },     { ".avhd", "vhd" },
		{ ".vhdx", "vhdx" },   { ".avhdx", "vhdx" },
		{ ".raw", "raw" },     { ".qcow2", "qcow2" },
		{ ".vmdk", "vmdk" },   { ".vdi", "vdi" },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(ends) / sizeof(ends[0]);
	     i++) {
		if (strcasecmp(dot, ends[i][0]) == 0)
			return ends[i][1];
	}
	return NULL;
}

void convert_warn_name(struct cli *cli, const char *dst,
		       enum vhd_format format, const char *foreign)
{
	static const char *const words[] = {
		[VHD_FORMAT_RAW] = "raw",
		[VHD_FORMAT_VHD] = "vhd",
		[VHD_FORMAT_VHDX] = "vhdx",
	};
	const char *says = named(dst), *is = foreign;

	if (is == NULL && (size_t)format < sizeof(words) / sizeof(words[0]))
		is = words[format];
	if (says != NULL && is != NULL && strcasecmp(says, is) != 0)
		cli_warn(cli, dst, "it is a %s file, as -O says, and programs "
			 "that go by the name will take it for a %s file", is,
			 says);
}
