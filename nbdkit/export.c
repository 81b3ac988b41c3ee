/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exports are views of one image: the disk, its partitions, and what the layers
 * of its chain show.  Partitions are looked up whenever somebody connects or
 * asks for a list, since a guest may have made new ones.
 */
#include "export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ptable.h"
#include "common/status.h"
#include "names.h"
#include "fail.h"

/* What a view of the chain starts from: people count from the base. */
static int open_view(struct export *ex, uint32_t layer)
{
	uint32_t layers = vhd_layers(ex->disk->img);
	struct vhd_error err;

	ex->writable = false;
	if (layer >= layers)
		return fail_text(EINVAL, "there is no layer %" PRIu32
				   ": the chain has %" PRIu32, layer, layers);
	/* The top is the disk itself. */
	if (layer == layers - 1)
		return 0;
	if (vhd_layer_image(ex->disk->img, layers - 1 - layer, &ex->view, &err))
		return fail_open(&err);
	ex->img = ex->view;
	return 0;
}

static int read_table(void *arg, void *buf, size_t len, uint64_t off)
{
	struct vhd_error err;

	return vhd_pread(arg, buf, len, off, &err) ? -status_errno(&err) : 0;
}

static struct ptable *load_table(struct vhd_image *img)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct ptable *table = malloc(sizeof(*table));
	int rc = table != NULL ? 0 : -ENOMEM;
	uint32_t sector;

	if (!rc) {
		sector = vhd_layer_info(img, 0, &info, NULL) ?
				0 : info.logical_sector;
		rc = ptable_read(read_table, img, vhd_size(img),
				 sector ? sector : 512, table);
	}
	if (!rc)
		return table;
	fail_text(-rc, "the partition table cannot be read: %s",
		    strerror(-rc));
	free(table);
	return NULL;
}

static void describe_part(const struct part *part, char *text, size_t room)
{
	snprintf(text, room, "partition %" PRIu32 ": %" PRIu64 " MiB%s%s",
		 part->number, part->len >> 20,
		 part->name[0] != '\0' ? ", " : "", part->name);
	/* The name is the guest's. */
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

static int find_part(struct export *ex, uint32_t number)
{
	struct ptable *table = load_table(ex->img);
	int rc = -1;

	if (table == NULL)
		return -1;
	for (size_t i = 0; rc && i < table->count; i++) {
		const struct part *part = &table->parts[i];

		if (part->number != number)
			continue;
		ex->off = part->off;
		ex->len = part->len;
		describe_part(part, ex->text, sizeof(ex->text));
		rc = 0;
	}
	if (rc)
		fail_text(ENOENT, "there is no partition %" PRIu32 " on this "
			    "disk, which has %zu", number, table->count);
	free(table);
	return rc;
}

static void describe_disk(struct vhd_image *img, const char *what, char *text,
			  size_t room)
{
	struct vhd_info info = { .size = sizeof(info) };
	uint32_t layers = vhd_layers(img);

	if (vhd_layer_info(img, 0, &info, NULL))
		return;
	if (info.format == VHD_FORMAT_RAW)
		snprintf(text, room, "%s: raw, %" PRIu64 " MiB", what,
			 info.virtual_size >> 20);
	else
		snprintf(text, room, "%s: %s %s, %" PRIu64 " MiB, %" PRIu32
			 " layer%s", what, vhd_type_name(info.type),
			 vhd_format_name(info.format), info.virtual_size >> 20,
			 layers, layers == 1 ? "" : "s");
}

static uint32_t unit_of(struct vhd_image *img)
{
	struct vhd_info info = { .size = sizeof(info) };

	if (vhd_layer_info(img, 0, &info, NULL) || info.physical_sector < 4096)
		return 4096;
	return info.physical_sector;
}

static int fill(struct export *ex, const struct name *name)
{
	const struct config *cfg = ex->disk->cfg;
	char text[NAME_TEXT];
	int rc = 0;

	if (cfg->has_layer)
		rc = open_view(ex, cfg->layer);
	else if (name->kind == NAME_LAYER)
		rc = open_view(ex, name->number);
	if (rc)
		return rc;
	ex->len = vhd_size(ex->img);
	ex->unit = unit_of(ex->img);
	if (name->kind == NAME_PARTITION)
		return find_part(ex, name->number);
	name_print(name, text);
	describe_disk(ex->img, text, ex->text, sizeof(ex->text));
	return 0;
}

struct export *export_open(struct disk *disk, const char *text, bool readonly)
{
	struct export *ex = NULL;
	struct name name;

	if (!name_find(disk->cfg, text, &name)) {
		fail_text(ENOENT, "there is no export '%.64s'; "
			  "'nbdinfo --list' shows those there are", text);
		return NULL;
	}
	if (disk_get(disk, !readonly))
		return NULL;
	ex = calloc(1, sizeof(*ex));
	if (ex == NULL) {
		fail_text(ENOMEM, "out of memory");
		disk_put(disk);
		return NULL;
	}
	ex->disk = disk;
	ex->img = disk->img;
	ex->writable = !readonly && disk->writing;
	if (fill(ex, &name)) {
		export_close(ex);
		return NULL;
	}
	return ex;
}

void export_close(struct export *ex)
{
	vhd_close(&ex->view, NULL);
	disk_put(ex->disk);
	free(ex);
}

static int list_add(struct nbdkit_exports *list, const struct name *name,
		    const char *text)
{
	char id[NAME_TEXT];

	name_print(name, id);
	return nbdkit_add_export(list, id, text);
}

static int list_parts(struct export *ex, struct nbdkit_exports *list)
{
	struct ptable *table = load_table(ex->img);
	char text[256];
	int rc = 0;

	if (table == NULL)
		return -1;
	for (size_t i = 0; !rc && i < table->count; i++) {
		const struct part *part = &table->parts[i];
		struct name name = { NAME_PARTITION, part->number };

		describe_part(part, text, sizeof(text));
		rc = list_add(list, &name, text);
	}
	free(table);
	return rc;
}

/* The file's name goes without the folders before it: they are not ours. */
static int list_layers(struct export *ex, struct nbdkit_exports *list)
{
	uint32_t layers = vhd_layers(ex->img);
	int rc = 0;

	for (uint32_t i = 0; layers > 1 && !rc && i < layers; i++) {
		struct name name = { NAME_LAYER, i };
		const char *path = vhd_layer_path(ex->img, layers - 1 - i);
		const char *slash = path != NULL ? strrchr(path, '/') : NULL;
		char text[300];

		snprintf(text, sizeof(text), "layer %" PRIu32 ", read-only: %s",
			 i, slash != NULL ? slash + 1 : path);
		rc = list_add(list, &name, text);
	}
	return rc;
}

static int list_all(struct export *ex, struct nbdkit_exports *list)
{
	const struct config *cfg = ex->disk->cfg;
	struct name name = name_default(cfg);
	int rc = fill(ex, &name);

	if (!rc && list != NULL)
		rc = list_add(list, &name, ex->text);
	if (rc || list == NULL || name.kind != NAME_DISK)
		return rc;
	rc = list_parts(ex, list);
	if (!rc && cfg->layers && !cfg->has_layer)
		rc = list_layers(ex, list);
	return rc;
}

int exports_list(struct disk *disk, struct nbdkit_exports *list)
{
	struct export ex = { .disk = disk };
	int rc;

	if (disk_peek(disk))
		return -1;
	ex.img = disk->img;
	rc = list_all(&ex, list);
	vhd_close(&ex.view, NULL);
	disk_unpeek(disk);
	return rc;
}
