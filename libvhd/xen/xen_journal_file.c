/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_resize.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_posix.h"
#include "io/outfile.h"
#include "io/path.h"
#include "io/stat.h"

/* A file that is there is somebody's; a device is for such things. */
static int open_file(void *arg, struct vhd_io **io_out, bool *device_out,
		     struct vhd_error *err)
{
	struct xen_journal_file *f = arg;
	int rc;

	if (!vhd_io_open_posix(f->path, VHD_POSIX_WRITE, &f->io, NULL))
		f->device = vhd_io_is_device(f->io);
	if (!f->device)
		vhd_io_close(&f->io, NULL);
	*device_out = f->device;
	if (f->device) {
		*io_out = f->io;
		return 0;
	}
	rc = vhd_outfile_new_private(f->path, &f->new, err);
	if (!rc)
		*io_out = vhd_outfile_io(f->new);
	return rc;
}

/* The name comes with the last byte; the file stays open. */
static int keep_file(void *arg, struct vhd_io **io, struct vhd_error *err)
{
	struct xen_journal_file *f = arg;
	int rc;

	if (f->device)
		return 0;
	rc = vhd_outfile_keep(f->new, &f->io, err);
	if (rc)
		return rc;
	*io = f->io;
	return vhd_outfile_commit(&f->new, true, err);
}

static int drop_file(void *arg, struct vhd_error *err)
{
	struct xen_journal_file *f = arg;

	return f->device ? 0 : vhd_xen_journal_remove(f->path, err);
}

const struct xen_journal_place vhd_xen_journal_file_place = {
	.open = open_file,
	.keep = keep_file,
	.drop = drop_file,
};

/* Its name would come back with the power; it is empty, but in the way. */
static void sync_dir(const char *path)
{
	char *dir = vhd_path_dir(path);
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	vhd_free(dir);
}

int vhd_xen_journal_remove(const char *path, struct vhd_error *err)
{
	if (!vhd_path_remove(path))
		return vhd_fail_errno(err, errno, VHD_NO_OFFSET,
				      "cannot remove the journal");
	sync_dir(path);
	return 0;
}
