/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/qemu_graph.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "foreign/foreign_look.h"
#include "foreign/process.h"

enum { SECTOR = 512, FD_PATH = 32 };

int qemu_graph_fd(struct qemu_graph *graph, int fd)
{
	int high = process_fd(fd);

	if (high >= 0)
		graph->fds[graph->fd_count++] = high;
	return high;
}

/* Takes over @node; the text that qemu-nbd reads, in ASCII. */
static int put_text(struct qemu_graph *graph, json_t *node,
		    struct vhd_error *err)
{
	char *json = node != NULL ?
			     json_dumps(node, JSON_COMPACT | JSON_ENSURE_ASCII) :
			     NULL;
	int n = json != NULL ? asprintf(&graph->text, "json:%s", json) : -1;

	free(json);
	json_decref(node);
	if (n >= 0)
		return 0;
	graph->text = NULL;
	return fail_nomem(err);
}

static bool is_device(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);
}

/* QEMU has another driver for devices, and they mind. */
static json_t *file_node(const char *path, bool device)
{
	return json_pack("{s:s, s:s}", "driver",
			 device ? "host_device" : "file", "filename", path);
}

static json_t *fd_node(int fd)
{
	char path[FD_PATH];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return file_node(path, is_device(fd));
}

/* What lies inside of another file; a tar file fills up the last sector. */
static json_t *part_node(json_t *file, const struct qemu_source *src)
{
	uint64_t len = (src->len + SECTOR - 1) / SECTOR * SECTOR;

	return json_pack("{s:s, s:I, s:I, s:o}", "driver", "raw", "offset",
			 (json_int_t)src->off, "size", (json_int_t)len, "file",
			 file);
}

static bool has_backing(const char *driver)
{
	return strcmp(driver, "qcow2") == 0 || strcmp(driver, "qcow") == 0 ||
	       strcmp(driver, "qed") == 0 || strcmp(driver, "vmdk") == 0;
}

static json_t *image_node(const struct qemu_source *src, const char *driver,
			  json_t *file)
{
	json_t *node;

	if (src->len != 0)
		file = part_node(file, src);
	node = json_pack("{s:s, s:b, s:o}", "driver", driver, "read-only", 1,
			 "file", file);
	if (node != NULL && src->no_lock)
		json_object_set_new(node, "force-share", json_true());
	if (node != NULL && has_backing(driver) && !src->follow)
		json_object_set_new(node, "backing", json_null());
	return node;
}

/* What cannot be read, or might read something else; 0 when all is well. */
static int judge(const struct qemu_source *src, const struct foreign_look *look,
		 struct vhd_error *err)
{
	if (look->driver == NULL)
		return fail(err, VHD_E_UNSUPPORTED, src->name, 0,
			    "the disk is of a format that qemu-nbd does not "
			    "read");
	if (look->encrypted)
		return fail(err, VHD_E_UNSUPPORTED, src->name, 0,
			    "the image is encrypted: decrypt it first, with "
			    "qemu-img convert");
	if (!look->outside || src->follow)
		return 0;
	if (look->other[0] == '\0')
		return fail(err, VHD_E_REFUSED, src->name, 0,
			    "the image reads another file, which it may name "
			    "as it likes: give --allow-backing if you trust "
			    "it");
	return fail(err, VHD_E_REFUSED, src->name, 0,
		    "the image reads another file, \"%s\": give "
		    "--allow-backing if you trust it", look->other);
}

static int describe(const struct qemu_source *src,
		    const struct foreign_look *look, int fd,
		    struct qemu_graph *graph, struct vhd_error *err)
{
	json_t *file;

	/* Only by its path does QEMU find what lies beside it. */
	if (src->follow && src->len == 0) {
		file = file_node(src->name, is_device(fd));
		if (file == NULL)
			return fail(err, VHD_E_UNSUPPORTED, src->name, 0,
				    "--allow-backing needs a name in UTF-8");
	} else if (look->descriptor && src->len == 0) {
		int rc = vmdk_parts_open(src->name, fd, graph, err);

		if (rc != 0)
			return rc;
		/* Made anew, wherever the other one lies. */
		file = file_node("./disk.vmdk", false);
	} else if (look->descriptor) {
		return fail(err, VHD_E_UNSUPPORTED, src->name, 0,
			    "the disk is a VMDK of several files, which cannot "
			    "be read inside of an archive: take it out first");
	} else {
		file = fd_node(fd);
	}
	return put_text(graph, image_node(src, look->driver, file), err);
}

int qemu_graph_source(const struct qemu_source *src, int fd,
		      struct qemu_graph *graph, struct vhd_error *err)
{
	struct foreign_look look;
	uint64_t len = src->len;
	off_t end;
	int rc;

	fd = qemu_graph_fd(graph, fd);
	if (fd < 0)
		return fail_nomem(err);
	/* A device tells its length in no other way. */
	end = len == 0 ? lseek(fd, 0, SEEK_END) : 0;
	if (end > 0)
		len = (uint64_t)end;
	rc = foreign_look(fd, src->off, len, src->name, &look, err);
	if (rc == 0)
		rc = judge(src, &look, err);
	if (rc != 0)
		return rc;
	graph->driver = look.driver;
	graph->len = look.descriptor || look.elsewhere ? 0 : len;
	graph->open_end = look.dirty;
	return describe(src, &look, fd, graph, err);
}

int qemu_graph_target(const char *driver, int fd, struct qemu_graph *graph,
		      struct vhd_error *err)
{
	fd = qemu_graph_fd(graph, fd);
	if (fd < 0)
		return fail_nomem(err);
	return put_text(graph, json_pack("{s:s, s:o}", "driver", driver,
					 "file", fd_node(fd)), err);
}

void qemu_graph_free(struct qemu_graph *graph)
{
	for (size_t i = 0; i < graph->fd_count; i++)
		close(graph->fds[i]);
	graph->fd_count = 0;
	private_dir_remove(&graph->dir);
	free(graph->text);
	graph->text = NULL;
}
