/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

/* The first @len bytes of @s. */
static char *copy_part(const char *s, size_t len)
{
	char *copy = vhd_alloc(len + 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *vhd_path_real(const char *path)
{
	char *real = realpath(path, NULL);
	char *s;

	if (!real)
		return NULL;
	s = vhd_strdup(real);
	free(real);
	return s;
}

const char *vhd_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *vhd_path_dir(const char *path)
{
	size_t len = (size_t)(vhd_path_base(path) - path);

	if (!len)
		return vhd_strdup(".");
	while (len > 1 && path[len - 1] == '/')
		len--;
	return copy_part(path, len);
}

char *vhd_path_join(const char *dir, const char *name)
{
	size_t dir_len = strlen(dir), name_len = strlen(name);
	char *s, *p;

	if (name[0] == '/')
		return vhd_strdup(name);
	s = vhd_alloc(dir_len + name_len + 2);
	if (!s)
		return NULL;
	memcpy(s, dir, dir_len);
	p = s + dir_len;
	if (dir_len && p[-1] != '/')
		*p++ = '/';
	memcpy(p, name, name_len);
	return s;
}

bool vhd_path_below(const char *real, const char *dir_real)
{
	size_t len = strlen(dir_real);

	while (len && dir_real[len - 1] == '/')
		len--;
	if (strncmp(real, dir_real, len) != 0)
		return false;
	return real[len] == '/' || (real[len] == '\0' && len);
}

/* Length of the directories that two absolute paths share, without a slash. */
static size_t common_dirs(const char *a, const char *b)
{
	size_t common = 0;
	size_t i = 0;

	for (;; i++) {
		bool a_end = a[i] == '/' || !a[i];
		bool b_end = b[i] == '/' || !b[i];

		if (a_end && b_end)
			common = i;
		if (a[i] != b[i] || !a[i])
			return common;
	}
}

char *vhd_path_relative(const char *from, const char *to)
{
	static const char up[] = "../";
	size_t common, ups = 0;
	char *s, *p;

	if (from[0] != '/' || to[0] != '/')
		return NULL;
	common = common_dirs(from, to);
	from += common;
	to += common;
	for (; *from; from++)
		ups += *from == '/' && from[1] && from[1] != '/';
	while (*to == '/')
		to++;
	if (!ups && !*to)
		return vhd_strdup(".");
	s = vhd_alloc(ups * (sizeof(up) - 1) + strlen(to) + 1);
	if (!s)
		return NULL;
	for (p = s; ups; ups--, p += sizeof(up) - 1)
		memcpy(p, up, sizeof(up) - 1);
	memcpy(p, to, strlen(to));
	/* "../.." and not "../../" when nothing follows. */
	if (!*to)
		p[-1] = '\0';
	return s;
}

bool vhd_path_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

bool vhd_path_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool vhd_path_is_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool vhd_path_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return false;
	}
	return unlink(path) == 0;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

void vhd_path_list(const char *dir, bool (*fn)(void *arg, const char *name),
		   void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (!is_dots(e->d_name) && !fn(arg, e->d_name))
			break;
	}
	if (d)
		closedir(d);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_nocase(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b))
		a++, b++;
	return !*a && !*b;
}

/* The one entry of @dir that is @name in other letters; NULL: none, or many. */
static char *scan_dir(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	char *found = NULL;
	struct dirent *e;
	bool twice = false;

	if (!d)
		return NULL;
	while (!twice && (e = readdir(d))) {
		if (!same_nocase(e->d_name, name))
			continue;
		twice = found;
		if (!found)
			found = vhd_path_join(dir, e->d_name);
	}
	closedir(d);
	if (!twice)
		return found;
	vhd_free(found);
	return NULL;
}

/* One step of the search; @name is neither empty, "." nor "..". */
static char *find_component(const char *dir, const char *name)
{
	char *path = vhd_path_join(dir, name);
	struct stat st;

	if (!path)
		return NULL;
	if (lstat(path, &st) == 0)
		return path;
	vhd_free(path);
	return scan_dir(dir, name);
}

char *vhd_path_find_nocase(const char *dir, const char *rel)
{
	char *at = NULL;
	bool any = false;

	if (rel[0] == '/')
		return NULL;
	at = vhd_strdup(dir);
	while (at && *rel) {
		size_t len = strcspn(rel, "/");
		char *name, *next;

		if (len == 0 || (len == 1 && rel[0] == '.')) {
			rel += len + (rel[len] == '/');
			continue;
		}
		if (len == 2 && rel[0] == '.' && rel[1] == '.') {
			vhd_free(at);
			return NULL;
		}
		name = copy_part(rel, len);
		next = name ? find_component(at, name) : NULL;
		vhd_free(name);
		vhd_free(at);
		at = next;
		any = true;
		rel += len + (rel[len] == '/');
	}
	if (any)
		return at;
	vhd_free(at);
	return NULL;
}
