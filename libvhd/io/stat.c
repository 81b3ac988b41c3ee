/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/stat.h"

#include <sys/stat.h>

/* A block device is the device, whichever node it was opened by. */
static void id_of(const struct stat *st, struct vhd_file_id *out)
{
	bool device = S_ISBLK(st->st_mode);

	out->known = true;
	out->dev = device ? 0 : (uint64_t)st->st_dev;
	out->ino = device ? (uint64_t)st->st_rdev : (uint64_t)st->st_ino;
}

static bool stat_io(const struct vhd_io *io, struct stat *st)
{
	int fd = vhd_io_fd(vhd_io_file(io));

	return fd >= 0 && fstat(fd, st) == 0;
}

int64_t vhd_io_mtime(const struct vhd_io *io)
{
	struct stat st;

	return stat_io(io, &st) ? (int64_t)st.st_mtime : 0;
}

bool vhd_io_is_device(const struct vhd_io *io)
{
	struct stat st;

	return stat_io(io, &st) && S_ISBLK(st.st_mode);
}

uint64_t vhd_io_disk_usage(const struct vhd_io *io)
{
	struct stat st;

	if (!stat_io(io, &st) || S_ISBLK(st.st_mode))
		return VHD_NO_OFFSET;
	return (uint64_t)st.st_blocks * 512;
}

void vhd_io_file_id(const struct vhd_io *io, struct vhd_file_id *out)
{
	struct stat st;

	*out = (struct vhd_file_id){ .known = false };
	if (stat_io(io, &st))
		id_of(&st, out);
}

void vhd_path_file_id(const char *path, struct vhd_file_id *out)
{
	struct stat st;

	*out = (struct vhd_file_id){ .known = false };
	if (stat(path, &st) == 0)
		id_of(&st, out);
}

bool vhd_file_id_same(const struct vhd_file_id *a, const struct vhd_file_id *b)
{
	return a->known && b->known && a->dev == b->dev && a->ino == b->ino;
}
