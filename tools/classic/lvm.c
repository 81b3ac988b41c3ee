/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vgs prints a row for each disk of the group, lvs one for each segment of each
 * volume, in any order and of any type: a volume counts as readable when the
 * segment that begins at 0 is one run of extents on one of those disks.  Rows of
 * caches, mirrors and pools, whose devices are other volumes or missing, only
 * show that the volume is there.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classic/classic.h"
#include "classic/lvm.h"
#include "classic/scan.h"

/* The next word of a row; NULL behind the last one. */
static char *word(char **row)
{
	char *start = *row + strspn(*row, " \t");
	size_t len = strcspn(start, " \t");

	if (len == 0)
		return NULL;
	*row = start + len;
	if (**row != '\0')
		*(*row)++ = '\0';
	return start;
}

static bool number(char **row, uint64_t *out)
{
	const char *text = word(row);

	return text != NULL && classic_number(text, UINT64_MAX, out);
}

/* The rest of a row, which may hold blanks: "unknown device(0)". */
static char *rest(char *row)
{
	size_t len;

	row += strspn(row, " \t");
	len = strlen(row);
	while (len > 0 && isspace((unsigned char)row[len - 1]))
		row[--len] = '\0';
	return row;
}

static void *grow(void *array, size_t count, size_t each)
{
	/* At 0, 1, 2, 4, 8... there is no room left. */
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? count * 2 : 1, each);
}

/* The last word of a row, cut off it. */
static char *last_word(char *row)
{
	char *blank;

	row = rest(row);
	blank = strrchr(row, ' ');
	if (blank == NULL)
		return NULL;
	*blank = '\0';
	return blank + 1;
}

/* vg_name vg_extent_size lv_count pv_count pv_name pe_start */
static bool add_disk(void *arg, char *row)
{
	struct lvm_group *group = arg;
	uint64_t extent_len, ignored, start_off;
	struct lvm_disk *disks;
	const char *start;

	if (word(&row) == NULL || !number(&row, &extent_len) ||
	    !number(&row, &ignored) || !number(&row, &ignored))
		return true;
	start = last_word(row);
	if (start == NULL || !classic_number(start, UINT64_MAX, &start_off))
		return true;
	disks = grow(group->disks, group->disk_count, sizeof(*disks));
	if (disks == NULL)
		return false;
	group->disks = disks;
	disks[group->disk_count].path = strdup(rest(row));
	if (disks[group->disk_count].path == NULL)
		return false;
	disks[group->disk_count++].start_off = start_off;
	group->extent_len = extent_len;
	return true;
}

static struct lvm_volume *volume_of(struct lvm_group *group, const char *name,
				    uint64_t len)
{
	struct lvm_volume *volumes;
	size_t at;

	if (scan_index_find(group->index, name, &at))
		return &group->volumes[at];
	volumes = grow(group->volumes, group->count, sizeof(*volumes));
	if (volumes == NULL)
		return NULL;
	group->volumes = volumes;
	volumes[group->count] = (struct lvm_volume){
		.name = strdup(name), .len = len
	};
	if (volumes[group->count].name == NULL)
		return NULL;
	at = group->count++;
	if (scan_index_put(&group->index, name, at) < 0)
		return NULL;
	return &volumes[at];
}

static const struct lvm_disk *find_disk(const struct lvm_group *group,
					const char *path)
{
	for (size_t i = 0; i < group->disk_count; i++) {
		if (strcmp(group->disks[i].path, path) == 0)
			return &group->disks[i];
	}
	return NULL;
}

/* "DISK(EXTENT)": false only without memory */
static bool place(const struct lvm_group *group, struct lvm_volume *volume,
		  char *devices)
{
	char *open = strrchr(devices, '('), *close = strrchr(devices, ')');
	const struct lvm_disk *disk;
	uint64_t extent, off;

	if (open == NULL || close == NULL || close < open || close[1] != '\0')
		return true;
	*open = *close = '\0';
	disk = find_disk(group, devices);
	if (disk == NULL || !classic_number(open + 1, UINT64_MAX, &extent) ||
	    __builtin_mul_overflow(extent, group->extent_len, &off) ||
	    __builtin_add_overflow(off, disk->start_off, &volume->off))
		return true;
	volume->path = strdup(devices);
	return volume->path != NULL;
}

/* lv_name lv_size segtype seg_count seg_start seg_size devices */
static bool add_segment(void *arg, char *row)
{
	struct lvm_group *group = arg;
	uint64_t len, count, start, seg_len;
	const char *name = word(&row), *type;
	struct lvm_volume *volume;

	if (name == NULL || !number(&row, &len))
		return true;
	volume = volume_of(group, name, len);
	if (volume == NULL)
		return false;
	type = word(&row);
	if (type == NULL || strcmp(type, "linear") != 0 ||
	    !number(&row, &count) || !number(&row, &start) ||
	    !number(&row, &seg_len) || start != 0 || volume->path != NULL)
		return true;
	volume->first_len = seg_len < len ? seg_len : len;
	return place(group, volume, rest(row));
}

static int load(struct lvm_group *group, const char *name)
{
	const char *const vgs[] = {
		"vgs", name, "--noheadings", "--nosuffix", "--units=b",
		"--options=vg_name,vg_extent_size,lv_count,pv_count,"
		"pv_name,pe_start", "--unbuffered", NULL
	};
	const char *const lvs[] = {
		"lvs", name, "--noheadings", "--nosuffix", "--units=b",
		"--options=lv_name,lv_size,segtype,seg_count,seg_start,"
		"seg_size,devices", "--unbuffered", NULL
	};
	int rc;

	/* They would take it for one of their options, or for all groups. */
	if (name[0] == '-' || name[0] == '\0')
		return EINVAL;
	rc = lvm_run(vgs, add_disk, group);
	if (!rc && group->disk_count == 0)
		rc = EINVAL;
	return rc ? rc : lvm_run(lvs, add_segment, group);
}

int lvm_load(const char *name, struct lvm_group **group_out)
{
	struct lvm_group *group = calloc(1, sizeof(*group));
	int rc;

	if (group == NULL)
		return ENOMEM;
	rc = load(group, name);
	if (rc) {
		lvm_free(group);
		return rc;
	}
	*group_out = group;
	return 0;
}

const struct lvm_volume *lvm_find(const struct lvm_group *group,
				  const char *name)
{
	size_t at;

	return scan_index_find(group->index, name, &at) ? &group->volumes[at]
							: NULL;
}

char *lvm_volume_name(char *mapper)
{
	char *volume = mapper, *in, *out;

	for (in = mapper; *in != '\0'; in++) {
		if (in[0] == '-' && in[1] == '-')
			in++;
		else if (in[0] == '-')
			volume = in + 1;
	}
	if (volume == mapper)
		return mapper;
	for (in = out = volume; *in != '\0'; in++) {
		*out++ = *in;
		if (in[0] == '-' && in[1] == '-')
			in++;
	}
	*out = '\0';
	return volume;
}

void lvm_free(struct lvm_group *group)
{
	if (group == NULL)
		return;
	for (size_t i = 0; i < group->disk_count; i++)
		free(group->disks[i].path);
	for (size_t i = 0; i < group->count; i++) {
		free(group->volumes[i].name);
		free(group->volumes[i].path);
	}
	free(group->disks);
	free(group->volumes);
	scan_index_free(group->index);
	free(group);
}
