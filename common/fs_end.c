/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/fs_end.h"

#include <string.h>

#include "common/ptable_priv.h"

/*
 * Each reader gets a part of the disk and answers with a size, 0 for "not mine".
 * A size that does not fit into 64 bits is as good as the largest.
 */
enum { PART_LEN = 4096 };

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static uint32_t get_le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint64_t bytes_of(uint64_t count, uint64_t unit)
{
	uint64_t bytes;

	return __builtin_mul_overflow(count, unit, &bytes) ? UINT64_MAX :
							     bytes;
}

/* ext2, ext3, ext4: the superblock is at 1024. */
static uint64_t ext_end(const uint8_t *raw)
{
	const uint8_t *sb = raw + 1024;
	uint64_t blocks = get_le32(sb + 4);
	uint32_t log = get_le32(sb + 24);

	if (sb[56] != 0x53 || sb[57] != 0xef || log > 6)
		return 0;
	if (get_le32(sb + 96) & 0x80)		/* INCOMPAT_64BIT */
		blocks |= (uint64_t)get_le32(sb + 336) << 32;
	return bytes_of(blocks, UINT64_C(1024) << log);
}

static uint64_t xfs_end(const uint8_t *raw)
{
	if (memcmp(raw, "XFSB", 4))
		return 0;
	return bytes_of(get_be64(raw + 8), get_be32(raw + 4));
}

/* The backup of the boot sector follows what NTFS counts. */
static uint64_t ntfs_end(const uint8_t *raw)
{
	uint64_t sectors = get_le64(raw + 40);

	if (memcmp(raw + 3, "NTFS    ", 8) || sectors == UINT64_MAX)
		return 0;
	return bytes_of(sectors + 1, get_le16(raw + 11));
}

static uint64_t exfat_end(const uint8_t *raw)
{
	if (memcmp(raw + 3, "EXFAT   ", 8) || raw[108] > 12)
		return 0;
	return bytes_of(get_le64(raw + 72), UINT64_C(1) << raw[108]);
}

static uint64_t fat_end(const uint8_t *raw)
{
	uint32_t sectors = get_le16(raw + 19);

	if (memcmp(raw + 54, "FAT", 3) && memcmp(raw + 82, "FAT32", 5))
		return 0;
	if (sectors == 0)
		sectors = get_le32(raw + 32);
	return bytes_of(sectors, get_le16(raw + 11));
}

/* The superblock is at 64 KiB; what its device has to give. */
static uint64_t btrfs_end(const uint8_t *raw)
{
	return memcmp(raw + 0x40, "_BHRfS_M", 8) ? 0 : get_le64(raw + 0xd1);
}

/* Pages of 4096 bytes, as on all machines that run from such disks. */
static uint64_t swap_end(const uint8_t *raw)
{
	if (memcmp(raw + PART_LEN - 10, "SWAPSPACE2", 10))
		return 0;
	return bytes_of((uint64_t)get_le32(raw + 1028) + 1, PART_LEN);
}

static uint64_t refs_end(const uint8_t *raw)
{
	if (memcmp(raw + 3, "ReFS\0\0\0\0", 8))
		return 0;
	return bytes_of(get_le64(raw + 24), get_le32(raw + 32));
}

/* A label in one of the first four sectors says where the header is. */
static uint64_t lvm_end(const uint8_t *raw)
{
	for (uint32_t at = 0; at < 4 * 512; at += 512) {
		uint32_t head = get_le32(raw + at + 20);

		if (memcmp(raw + at, "LABELONE", 8) ||
		    memcmp(raw + at + 24, "LVM2 001", 8))
			continue;
		return head > 512 - 40 ? UINT64_MAX :
					 get_le64(raw + at + head + 32);
	}
	return 0;
}

/* What is encrypted does not tell where it ends. */
static uint64_t luks_end(const uint8_t *raw)
{
	return memcmp(raw, "LUKS\xba\xbe", 6) ? 0 : UINT64_MAX;
}

static uint64_t bitlocker_end(const uint8_t *raw)
{
	return memcmp(raw + 3, "-FVE-FS-", 8) ? 0 : UINT64_MAX;
}

static const struct {
	const char *name;
	uint64_t off;
	uint64_t (*end)(const uint8_t *raw);
} kinds[] = {
	{ "ext4", 0, ext_end },
	{ "XFS", 0, xfs_end },
	{ "NTFS", 0, ntfs_end },
	{ "exFAT", 0, exfat_end },
	{ "BitLocker", 0, bitlocker_end },
	{ "ReFS", 0, refs_end },
	{ "LUKS", 0, luks_end },
	{ "LVM", 0, lvm_end },
	{ "FAT", 0, fat_end },
	{ "swap", 0, swap_end },
	{ "Btrfs", 65536, btrfs_end },
};

int fs_end(ptable_read_fn read, void *arg, uint64_t size, uint64_t *end_out,
	   const char **name_out)
{
	uint8_t raw[PART_LEN];
	uint64_t have = UINT64_MAX;

	*end_out = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t off = kinds[i].off;
		int rc = 0;

		if (size < PART_LEN || off > size - PART_LEN)
			continue;
		if (off != have)
			rc = read(arg, raw, sizeof(raw), off);
		if (rc != 0)
			return rc;
		have = off;
		*end_out = kinds[i].end(raw);
		*name_out = kinds[i].name;
		if (*end_out != 0)
			return 0;
	}
	return 0;
}
