/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of the description three things matter: which disks there are (Disk elements
 * with a fileRef), which file each is (File elements with id and href), and
 * whether that file is packed.  So the text is searched for elements of these
 * two names; what encloses them, their namespaces and everything else is passed
 * over.  A name that is found has no power: it is compared with those of the
 * members.
 */
#include "foreign/ova.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fail.h"

enum { OVF_MOST = 4 << 20, VALUE = 256 };

/* The name behind a prefix such as "ovf:". */
static const char *local(const char *name, size_t *len)
{
	const char *colon = memchr(name, ':', *len);

	if (colon == NULL)
		return name;
	*len -= (size_t)(colon + 1 - name);
	return colon + 1;
}

static bool is_named(const char *name, size_t len, const char *want)
{
	name = local(name, &len);
	return len == strlen(want) && memcmp(name, want, len) == 0;
}

/* The entities that XML knows by itself. */
static void unescape(char *text)
{
	static const struct {
		const char *name;
		char letter;
	} known[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' }
	};
	char *to = text;

	for (const char *p = text; *p != '\0';) {
		char letter = *p;
		size_t len = 1;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			size_t n = strlen(known[i].name);

			if (strncmp(p, known[i].name, n) == 0) {
				letter = known[i].letter;
				len = n;
				break;
			}
		}
		*to++ = letter;
		p += len;
	}
	*to = '\0';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p) != NULL)
		p++;
	return p;
}

/* The value of an attribute of the element [p, end); false without one. */
static bool attribute(const char *p, const char *end, const char *want,
		      char value[VALUE])
{
	while (p < end) {
		const char *name = skip_space(p, end), *close;
		size_t len = strcspn(name, "= \t\r\n>");
		bool found = is_named(name, len, want);

		p = skip_space(name + len, end);
		if (p >= end || *p != '=')
			return false;
		p = skip_space(p + 1, end);
		if (p >= end || (*p != '"' && *p != '\''))
			return false;
		close = memchr(p + 1, *p, (size_t)(end - p - 1));
		if (close == NULL)
			return false;
		if (found && close - p - 1 < VALUE) {
			memcpy(value, p + 1, (size_t)(close - p - 1));
			value[close - p - 1] = '\0';
			unescape(value);
			return true;
		}
		p = close + 1;
	}
	return false;
}

/*
 * The next element of that name: its attributes, [p, *end_out); NULL when there
 * is none.
 */
static const char *element(const char *p, const char *name,
			   const char **end_out)
{
	while ((p = strchr(p, '<')) != NULL) {
		size_t len;
		const char *end;

		if (strncmp(p, "<!--", 4) == 0) {
			p = strstr(p, "-->");
			if (p == NULL)
				return NULL;
			continue;
		}
		p++;
		len = strcspn(p, " \t\r\n/>");
		end = strchr(p, '>');
		if (end == NULL)
			return NULL;
		if (is_named(p, len, name)) {
			*end_out = end;
			return p + len;
		}
		p = end;
	}
	return NULL;
}

/* The file that a disk refers to. */
static bool find_file(const char *ovf, const char *ref, struct ova_disk *disk)
{
	const char *p = ovf, *end;
	char value[VALUE];

	while ((p = element(p, "File", &end)) != NULL) {
		if (attribute(p, end, "id", value) &&
		    strcmp(value, ref) == 0 &&
		    attribute(p, end, "href", value)) {
			snprintf(disk->file.name, TAR_NAME, "%s", value);
			disk->packed = attribute(p, end, "compression",
						 value) &&
				       strcasecmp(value, "identity") != 0;
			return true;
		}
		p = end;
	}
	return false;
}

void ova_parse(const char *ovf, struct ova *ova)
{
	const char *p = ovf, *end;
	char ref[VALUE];

	ova->count = 0;
	while (ova->count < OVA_DISKS &&
	       (p = element(p, "Disk", &end)) != NULL) {
		struct ova_disk *disk = &ova->disk[ova->count];

		*disk = (struct ova_disk){ .there = false };
		/* One without a file is empty and made when it is imported. */
		if (attribute(p, end, "fileRef", ref) &&
		    find_file(ovf, ref, disk))
			ova->count++;
		p = end;
	}
}

static bool on_ovf(void *arg, const struct tar_member *member)
{
	struct tar_member *ovf = arg;
	size_t len = strlen(member->name);

	if (len < 4 || strcasecmp(member->name + len - 4, ".ovf") != 0)
		return true;
	*ovf = *member;
	return false;
}

static const char *without_dot(const char *name)
{
	return strncmp(name, "./", 2) == 0 ? name + 2 : name;
}

static bool on_member(void *arg, const struct tar_member *member)
{
	struct ova *ova = arg;

	for (unsigned i = 0; i < ova->count; i++) {
		struct ova_disk *disk = &ova->disk[i];

		if (strcmp(without_dot(disk->file.name),
			   without_dot(member->name)) != 0)
			continue;
		disk->file.off = member->off;
		disk->file.len = member->len;
		disk->there = true;
	}
	return true;
}

static int read_ovf(int fd, const char *path, const struct tar_member *member,
		    struct ova *ova, struct vhd_error *err)
{
	char *text;
	ssize_t n;

	if (member->len > OVF_MOST)
		return fail(err, VHD_E_UNSUPPORTED, path, 0, "the description "
			    "\"%s\" in it is larger than 4 MiB", member->name);
	text = malloc((size_t)member->len + 1);
	if (text == NULL)
		return fail_nomem(err);
	n = pread(fd, text, (size_t)member->len, (off_t)member->off);
	text[n > 0 ? n : 0] = '\0';
	ova_parse(text, ova);
	free(text);
	if (ova->count == 0)
		return fail(err, VHD_E_UNSUPPORTED, path, 0, "the description "
			    "\"%s\" in it names no disk", member->name);
	return 0;
}

int ova_read(int fd, const char *path, struct ova *ova, struct vhd_error *err)
{
	struct tar_member ovf = { .off = 0 };
	int rc = tar_walk(fd, path, on_ovf, &ovf, err);

	ova->count = 0;
	if (rc == 0 && ovf.off == 0)
		rc = fail(err, VHD_E_UNSUPPORTED, path, 0,
			  "this is a tar file without a description (.ovf) of "
			  "disks: take the disk out of it first");
	if (rc == 0)
		rc = read_ovf(fd, path, &ovf, ova, err);
	if (rc == 0)
		rc = tar_walk(fd, path, on_member, ova, err);
	return rc;
}
