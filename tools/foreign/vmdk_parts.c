/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU reads the text of a VMDK loosely, over the ends of lines, say, so that it
 * might find files in it which we did not.  It gets a text that is made anew from
 * what was found here, with names that lead to files which are open already.
 */
#include "foreign/qemu_graph.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/size.h"
#include "fail.h"
#include "foreign/foreign_look.h"

enum { SECTOR = 512 };

static char *read_text(int fd)
{
	char *text = malloc(VMDK_TEXT_MOST);
	ssize_t n = text != NULL ? pread(fd, text, VMDK_TEXT_MOST - 1, 0) : -1;

	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static int folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") :
		       strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd = folder != NULL ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)
				: -1;

	free(folder);
	return fd;
}

static bool plain_name(const char *name)
{
	return strpbrk(name, "/\\:") == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* Behind the end of a part QEMU would read zeros. */
static int has_all(const char *path, const struct vmdk_extent *e,
		   uint64_t bytes, struct vhd_error *err)
{
	uint64_t have = bytes / SECTOR;
	char text[SIZE_TEXT];

	if (e->start <= have && e->sectors <= have - e->start)
		return 0;
	return fail(err, VHD_E_IO, path, 0, "its part \"%s\" was cut off: it "
		    "has %s and %" PRIu64 " sectors of the disk, so get a "
		    "whole copy of it", e->name, size_format(bytes, text),
		    e->sectors);
}

/* A part that is sparse has a header, which may name files as well. */
static int look_at(const char *path, const struct vmdk_extent *e, int fd,
		   struct vhd_error *err)
{
	struct foreign_look look;
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(err, VHD_E_UNSUPPORTED, path, 0,
			    "its part \"%s\" is no regular file", e->name);
	if (strcmp(e->type, "FLAT") == 0 || strcmp(e->type, "VMFS") == 0)
		return has_all(path, e, (uint64_t)st.st_size, err);
	if (strcmp(e->type, "SPARSE") != 0)
		return 0;
	rc = foreign_look(fd, 0, (uint64_t)st.st_size, path, &look, err);
	if (rc == 0 && (look.outside || look.descriptor))
		return fail(err, VHD_E_REFUSED, path, 0,
			    "its part \"%s\" reads other files: "
			    "--allow-backing, if you trust it", e->name);
	return rc;
}

static int open_part(const char *path, int folder, const struct vmdk_extent *e,
		     struct qemu_graph *graph, int *fd_out,
		     struct vhd_error *err)
{
	int fd;

	if (!plain_name(e->name))
		return fail(err, VHD_E_REFUSED, path, 0,
			    "the image reads another file, \"%s\", that does "
			    "not lie beside it: give --allow-backing if you "
			    "trust it", e->name);
	fd = openat(folder, e->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		    O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(err, VHD_E_IO, path, errno,
			    "its part \"%s\" cannot be opened: %s", e->name,
			    strerror(errno));
	fd = qemu_graph_fd(graph, fd);
	if (fd < 0)
		return fail_nomem(err);
	*fd_out = fd;
	return look_at(path, e, fd, err);
}

static int add_part(const char *path, int folder, const struct vmdk_extent *e,
		    struct qemu_graph *graph, FILE *text,
		    struct vhd_error *err)
{
	char name[32];
	int fd = -1;
	int rc = open_part(path, folder, e, graph, &fd, err);

	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "part%zu", graph->fd_count);
	fprintf(text, "RW %" PRIu64 " %s \"%s\"", e->sectors, e->type, name);
	if (strcmp(e->type, "FLAT") == 0)
		fprintf(text, " %" PRIu64, e->start);
	fputc('\n', text);
	return private_dir_link(&graph->dir, name, fd, err);
}

static int add_parts(const char *path, const char *from, FILE *text,
		     struct qemu_graph *graph, struct vhd_error *err)
{
	struct vmdk_extent *parts = calloc(VMDK_EXTENTS, sizeof(*parts));
	const char *why = "there is no memory";
	int count = parts != NULL ? vmdk_text_extents(from, parts, &why) : -1;
	int folder = folder_of(path), rc = 0;

	if (count < 0)
		rc = fail(err, VHD_E_UNSUPPORTED, path, 0,
			  "the text of this VMDK cannot be used: %s", why);
	else if (folder < 0)
		rc = fail(err, VHD_E_IO, path, errno,
			  "its folder cannot be opened: %s", strerror(errno));
	for (int i = 0; i < count && rc == 0; i++)
		rc = add_part(path, folder, &parts[i], graph, text, err);
	if (folder >= 0)
		close(folder);
	free(parts);
	return rc;
}

/* QEMU wants to be told how the parts are made, in one of a few words. */
static const char *known_type(const char *from)
{
	static const char *const types[] = {
		"monolithicFlat", "vmfs", "vmfsSparse", "seSparse",
		"twoGbMaxExtentSparse", "twoGbMaxExtentFlat"
	};
	char type[32];

	vmdk_text_type(from, type, sizeof(type));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i]) == 0)
			return types[i];
	}
	return NULL;
}

static int write_text(const char *path, const char *from,
		      struct qemu_graph *graph, struct vhd_error *err)
{
	const char *type = known_type(from);
	char *text = NULL;
	size_t len = 0;
	FILE *file;
	int rc;

	if (type == NULL)
		return fail(err, VHD_E_UNSUPPORTED, path, 0,
			    "this VMDK is made in a way that QEMU does not "
			    "read");
	file = open_memstream(&text, &len);
	if (file == NULL)
		return fail_nomem(err);
	fprintf(file, "# Disk DescriptorFile\nversion=1\nCID=fffffffe\n"
		"parentCID=ffffffff\ncreateType=\"%s\"\n", type);
	rc = add_parts(path, from, file, graph, err);
	if (fclose(file) != 0 && rc == 0)
		rc = fail_nomem(err);
	if (rc == 0)
		rc = private_dir_put(&graph->dir, "disk.vmdk", text, len, err);
	free(text);
	return rc;
}

int vmdk_parts_open(const char *path, int fd, struct qemu_graph *graph,
		    struct vhd_error *err)
{
	char *from = read_text(fd), parent[VMDK_NAME];
	int rc;

	if (from == NULL)
		return fail(err, VHD_E_IO, path, errno, "cannot be read: %s",
			    strerror(errno));
	if (vmdk_text_parent(from, parent, sizeof(parent)))
		rc = fail(err, VHD_E_REFUSED, path, 0,
			  "the image reads another file, \"%s\": "
			  "give --allow-backing if you trust it",
			  parent[0] != '\0' ? parent : "of unknown name");
	else
		rc = private_dir_make(&graph->dir, err);
	if (rc == 0)
		rc = write_text(path, from, graph, err);
	free(from);
	return rc;
}
