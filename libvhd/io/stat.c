/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/stat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fnv.h"

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

static int64_t mtime_ns(const struct stat *st)
{
#ifdef __APPLE__
	const struct timespec *t = &st->st_mtimespec;
#else
	const struct timespec *t = &st->st_mtim;
#endif

	return (int64_t)((uint64_t)t->tv_sec * 1000000000u +
			 (uint64_t)t->tv_nsec);
}

int64_t vhd_io_mtime_ns(const struct vhd_io *io)
{
	struct stat st;

	return stat_io(io, &st) ? mtime_ns(&st) : 0;
}

bool vhd_io_is_device(const struct vhd_io *io)
{
	struct stat st;

	return stat_io(io, &st) && S_ISBLK(st.st_mode);
}

bool vhd_path_is_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISBLK(st.st_mode);
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

bool vhd_io_is_ours(const struct vhd_io *io, const char *beside)
{
	struct stat st, other;

	if (!stat_io(io, &st))
		return false;
	if (st.st_uid == geteuid() || st.st_uid == 0)
		return true;
	return stat(beside, &other) == 0 && st.st_uid == other.st_uid;
}

void vhd_path_file_id(const char *path, struct vhd_file_id *out)
{
	struct stat st;

	*out = (struct vhd_file_id){ .known = false };
	if (stat(path, &st) == 0)
		id_of(&st, out);
}

/* The device's number is another one after the next boot: it counts only where
 * nothing better is known. */
uint64_t vhd_path_birth(const char *path)
{
	struct vhd_file_id id;
	uint64_t h = VHD_FNV_INIT;

	vhd_path_file_id(path, &id);
	if (!id.known)
		return 0;
	h = vhd_fnv(h, &id.ino, sizeof(id.ino));
#ifdef STATX_BTIME
	{
		struct statx sx;

		if (statx(AT_FDCWD, path, 0, STATX_BTIME, &sx) == 0 &&
		    sx.stx_mask & STATX_BTIME) {
			h = vhd_fnv(h, &sx.stx_btime.tv_sec,
				    sizeof(sx.stx_btime.tv_sec));
			return vhd_fnv(h, &sx.stx_btime.tv_nsec,
				       sizeof(sx.stx_btime.tv_nsec));
		}
	}
#endif
	return vhd_fnv(h, &id.dev, sizeof(id.dev));
}

int64_t vhd_path_mtime_ns(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? mtime_ns(&st) : 0;
}

uint64_t vhd_path_state(const char *path)
{
	uint64_t h = VHD_FNV_INIT, size;
	struct stat st;
	int64_t mtime;

	if (stat(path, &st) != 0)
		return 0;
	size = (uint64_t)st.st_size;
	mtime = mtime_ns(&st);
	h = vhd_fnv(h, &size, sizeof(size));
	return vhd_fnv(h, &mtime, sizeof(mtime));
}

bool vhd_file_id_same(const struct vhd_file_id *a, const struct vhd_file_id *b)
{
	return a->known && b->known && a->dev == b->dev && a->ino == b->ino;
}
