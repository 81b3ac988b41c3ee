/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libext2fs on a callback: an io_manager that only reads.
 *
 * The library opens by name and keeps its own copy of that, so the name is the
 * only way to say what is to be read without a global: it holds the address.
 */
#include "common/fs/ext.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char name_format[] = "vhd-fs:%" PRIxPTR;

static errcode_t io_open(const char *name, int flags, io_channel *channel)
{
	struct ext_io *io;
	uintptr_t at;

	(void)flags;
	if (sscanf(name, name_format, &at) != 1)
		return EXT2_ET_BAD_DEVICE_NAME;
	io = (struct ext_io *)at;
	io->channel.block_size = 1024;
	io->channel.refcount = 1;
	io->channel.private_data = io;
	*channel = &io->channel;
	return 0;
}

static errcode_t io_close(io_channel channel)
{
	channel->refcount--;
	return 0;
}

static errcode_t io_set_blksize(io_channel channel, int blksize)
{
	channel->block_size = blksize;
	return 0;
}

/* A negative count is one of bytes. */
static errcode_t io_read64(io_channel channel, unsigned long long block,
			   int count, void *data)
{
	struct ext_io *io = channel->private_data;
	uint64_t size = (uint32_t)channel->block_size;
	uint64_t len = count < 0 ? (uint64_t)-(int64_t)count :
				   (uint64_t)count * size;

	if (io->rc)
		return EXT2_ET_SHORT_READ;
	if (block > io->v->len / size) {
		io->rc = fs_left(io->v->part,
				 "it refers to bytes outside of itself");
		return EXT2_ET_SHORT_READ;
	}
	while (len && !io->rc) {
		size_t piece = len < 1 << 20 ? (size_t)len : 1 << 20;

		io->rc = vol_read(io->v, data, piece, block * size);
		data = (uint8_t *)data + piece;
		block += piece / size;
		len -= piece;
	}
	return io->rc ? EXT2_ET_SHORT_READ : 0;
}

static errcode_t io_read(io_channel channel, unsigned long block, int count,
			 void *data)
{
	return io_read64(channel, block, count, data);
}

static errcode_t io_write64(io_channel channel, unsigned long long block,
			    int count, const void *data)
{
	(void)channel;
	(void)block;
	(void)count;
	(void)data;
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write(io_channel channel, unsigned long block, int count,
			  const void *data)
{
	return io_write64(channel, block, count, data);
}

static errcode_t io_flush(io_channel channel)
{
	(void)channel;
	return 0;
}

static const struct struct_io_manager manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "vhd-fs",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read,
	.write_blk = io_write,
	.flush = io_flush,
	.read_blk64 = io_read64,
	.write_blk64 = io_write64,
};

int ext_open(struct fs_vol *v, struct ext_io *io, ext2_filsys *fs_out)
{
	io_manager m = (io_manager)(uintptr_t)&manager;
	char name[64];
	errcode_t rc;

	*io = (struct ext_io){ .v = v };
	io->channel.magic = EXT2_ET_MAGIC_IO_CHANNEL;
	io->channel.manager = m;
	io->channel.name = name;
	snprintf(name, sizeof(name), name_format, (uintptr_t)io);
	rc = ext2fs_open2(name, NULL, EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP, 0,
			  0, m, fs_out);
	io->channel.name = NULL;
	if (!rc)
		return FS_OK;
	if (io->rc)
		return io->rc;
	if (rc == EXT2_ET_NO_MEMORY)
		return -ENOMEM;
	return fs_left(v->part, "libext2fs does not open it: %s",
		       rc == EXT2_ET_SB_CSUM_INVALID ?
		       "the checksum of its superblock is wrong" :
		       "its superblock is damaged");
}
