/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of volumes.
 *
 * A logical volume is a device with a number, which is another one after each
 * activation, and links with names lead to it.  To resolve all links, as is right
 * for files, would give the number.  So links are followed one by one, and the
 * walk ends at a name of a volume.  LVM has two for each; the one in /dev/mapper
 * is taken, for there all volumes lie beside each other.
 */
#include "io/canonical.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/path.h"

#define DEV "/dev/"
#define MAPPER "/dev/mapper"
#define DRBD "/dev/drbd/by-res"

enum { LINKS_MAX = 40 };

static bool keeps(const char *dir)
{
	return !strcmp(dir, MAPPER) || vhd_path_below(dir, DRBD);
}

bool vhd_path_is_kept(const char *canonical)
{
	char *dir = vhd_path_dir(canonical);
	bool yes = dir && keeps(dir);

	vhd_free(dir);
	return yes;
}

/* As the device mapper writes names: dashes are doubled. */
static char *put_doubled(char *to, const char *from)
{
	for (; *from; from++) {
		if (*from == '-')
			*to++ = '-';
		*to++ = *from;
	}
	return to;
}

/* "/dev/VG" and "LV" to "/dev/mapper/VG-LV" when that exists; else NULL. */
static char *mapper_name(const char *dir, const char *base)
{
	const char *vg;
	char *name, *p;

	if (strncmp(dir, DEV, strlen(DEV)) != 0)
		return NULL;
	vg = dir + strlen(DEV);
	if (strchr(vg, '/'))
		return NULL;
	name = vhd_alloc(sizeof(MAPPER "/") + 2 * strlen(vg) + 1 +
			 2 * strlen(base));
	if (!name)
		return NULL;
	memcpy(name, MAPPER "/", sizeof(MAPPER "/") - 1);
	p = put_doubled(name + sizeof(MAPPER "/") - 1, vg);
	*p++ = '-';
	put_doubled(p, base);
	if (vhd_path_exists(name))
		return name;
	vhd_free(name);
	return NULL;
}

static char *real_of(const char *path)
{
	char *real = realpath(path, NULL);
	char *copy = real ? vhd_strdup(real) : NULL;

	free(real);
	if (real && !copy)
		errno = ENOMEM;
	return copy;
}

/* Is the last part of @path no name of its own? */
static bool is_folder(const char *path)
{
	const char *base = vhd_path_base(path);

	return !*base || !strcmp(base, ".") || !strcmp(base, "..");
}

/*
 * One step from @path: its final name in *@out, or, for a link, where that leads
 * to in *@next.
 */
static bool step(const char *path, char **out, char **next)
{
	const char *base = vhd_path_base(path);
	char *dir = vhd_path_dir(path);
	char *real = dir ? real_of(dir) : NULL;
	char *full = real ? vhd_path_join(real, base) : NULL;
	char target[PATH_MAX];
	ssize_t n = -1;
	struct stat st;
	bool ok = false;

	if (!full || stat(full, &st))
		goto out;
	if (!keeps(real)) {
		*out = mapper_name(real, base);
		if (!*out)
			n = readlink(full, target, sizeof(target) - 1);
	}
	ok = true;
	if (n >= 0) {
		target[n] = '\0';
		*next = vhd_path_join(real, target);
		ok = *next;
	} else if (!*out) {
		*out = full;
		full = NULL;
	}
out:
	vhd_free(full);
	vhd_free(real);
	vhd_free(dir);
	return ok;
}

char *vhd_path_canonical(const char *path)
{
	char *at = vhd_strdup(path), *out = NULL;
	int links;

	errno = ENOENT;
	for (links = 0; at && *at && !out && links < LINKS_MAX; links++) {
		char *next = NULL;

		if (is_folder(at))
			out = real_of(at);
		else
			step(at, &out, &next);
		vhd_free(at);
		at = next;
	}
	if (at && *at && !out)
		errno = ELOOP;
	vhd_free(at);
	return out;
}
