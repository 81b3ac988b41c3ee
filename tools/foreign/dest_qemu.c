/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new file of another program's format: qemu-img makes it, empty, in a file
 * that has no name yet, qemu-nbd puts the disk into it, and when that has closed
 * it, it gets its name.
 */
#include "foreign/dest_qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/size.h"
#include "fail.h"
#include "foreign/process.h"
#include "foreign/qemu_graph.h"
#include "foreign/qemu_img.h"
#include "foreign/qemu_nbd.h"
#include "newfile.h"
#include "sigint.h"

/* With less room than this a write may have failed for want of it. */
enum { SECTOR = 512, LITTLE = 1 << 20 };

/* Bytes of the new disk, in whole sectors. */
static int size_of(const struct dest_how *how, uint64_t *size_out,
		   struct vhd_error *err)
{
	uint64_t have = vhd_size(how->img);
	uint64_t want = how->convert->create.virtual_size;
	char text[SIZE_TEXT];

	if (want != 0 && want < have)
		return fail(err, VHD_E_INVAL, how->name, 0, "the disk has %s "
			    "and does not fit into --size",
			    size_format(have, text));
	if (want == 0)
		want = have;
	if (want > INT64_MAX - SECTOR)
		return fail(err, VHD_E_INVAL, how->name, 0,
			    "the disk is too large");
	*size_out = (want + SECTOR - 1) / SECTOR * SECTOR;
	return 0;
}

static int open_target(const struct dest_how *how, struct newfile *file,
		       struct vhd_error *err)
{
	uint32_t flags = how->convert->create.flags;

	file->orphan = flags & VHD_CREATE_ORPHAN;
	file->sync = how->sync;
	return newfile_open(file, how->name, flags & VHD_CREATE_FORCE,
			    how->img, err);
}

static int start(const struct dest_how *how, const char *driver,
		 const struct newfile *file, struct qemu_graph *graph,
		 struct qemu_nbd *q, struct vhd_error *err)
{
	struct qemu_nbd_how what = { .name = how->name };
	uint64_t size = 0;
	int rc = size_of(how, &size, err);

	if (rc == 0)
		rc = qemu_graph_target(driver,
				       fcntl(file->fd, F_DUPFD_CLOEXEC, 0),
				       graph, err);
	if (rc == 0)
		rc = qemu_img_create(driver, graph->fds[0], file->path, size,
				     err);
	if (rc != 0)
		return rc;
	what.graph = graph->text;
	what.fds = graph->fds;
	what.fd_count = graph->fd_count;
	what.writable = true;
	what.durable = how->sync;
	return qemu_nbd_start(&what, q, err);
}

/* QEMU's drivers have other words for a disk that is full. */
static int explain_full(const struct dest_how *how, int fd, int rc,
			struct vhd_error *err)
{
	struct statvfs fs;

	if (rc != VHD_E_IO || sigint_seen() || fstatvfs(fd, &fs) != 0 ||
	    fs.f_blocks == 0 || fs.f_bavail * fs.f_frsize >= LITTLE)
		return rc;
	return fail(err, VHD_E_NOSPACE, how->name, ENOSPC,
		    "the disk is full: %s", strerror(ENOSPC));
}

/*
 * Flushed even if it need not be durable: what qemu-nbd could not write it says
 * now, and not when it ends.
 */
static int fill(const struct dest_how *how, struct qemu_nbd *q,
		struct vhd_convert_result *result, struct vhd_error *err)
{
	struct vhd_convert_opts opts = *how->convert;
	int rc;

	if (opts.threads == 0)
		opts.threads = NBD_WRITERS;
	opts.flags |= VHD_CONVERT_TARGET_ZERO;
	rc = vhd_convert_io(how->img, &nbd_io_writer, q->io, how->name, &opts,
			    result, err);
	if (rc == 0) {
		int errnum = -nbd_io_writer.flush(q->io);

		if (errnum != 0)
			rc = fail(err, errnum == ENOSPC ? VHD_E_NOSPACE :
							  VHD_E_IO,
				  how->name, errnum, "%s", strerror(errnum));
	}
	if (rc != 0 && qemu_nbd_failed(q, how->name, err))
		rc = err->code;
	if (rc == 0) {
		result->target_size = nbd_io_size(q->io);
		rc = qemu_nbd_finish(q, how->name, err);
	}
	return rc;
}

int dest_qemu_write(const struct dest_how *how, const char *driver,
		    struct vhd_convert_result *result, struct vhd_error *err)
{
	struct newfile file = NEWFILE_NONE;
	struct qemu_graph graph = { .text = NULL };
	struct qemu_nbd q = QEMU_NBD_NONE;
	int rc = open_target(how, &file, err);

	if (rc == 0)
		rc = start(how, driver, &file, &graph, &q, err);
	if (rc == 0)
		rc = explain_full(how, file.fd, fill(how, &q, result, err),
				  err);
	qemu_nbd_free(&q);
	if (rc == 0)
		rc = newfile_commit(&file, err);
	newfile_discard(&file);
	qemu_graph_free(&graph);
	return rc;
}
