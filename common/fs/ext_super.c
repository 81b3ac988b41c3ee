/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this superblock fit to be handed to a library that trusts more than we do?
 *
 * The limits bound what the library allocates and how long a walk over the
 * groups takes.  A file system that was unmounted has the "valid" state, no
 * journal to recover, and no inodes that wait to be deleted.
 */
#include "common/fs/ext.h"

#include <stddef.h>
#include <string.h>

enum {
	SUPER_OFF = 1024,
	SUPER_LEN = 1024,
	DESC_LIMIT = 64 << 20	/* bytes of group descriptors */
};

#define KNOWN_INCOMPAT                                                         \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT2_FEATURE_INCOMPAT_META_BG |      \
	 EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT |         \
	 EXT4_FEATURE_INCOMPAT_MMP | EXT4_FEATURE_INCOMPAT_FLEX_BG |           \
	 EXT4_FEATURE_INCOMPAT_EA_INODE | EXT4_FEATURE_INCOMPAT_CSUM_SEED |    \
	 EXT4_FEATURE_INCOMPAT_LARGEDIR | EXT4_FEATURE_INCOMPAT_INLINE_DATA |  \
	 EXT4_FEATURE_INCOMPAT_ENCRYPT | EXT4_FEATURE_INCOMPAT_CASEFOLD)

#define KNOWN_RO_COMPAT                                                        \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |                                 \
	 EXT2_FEATURE_RO_COMPAT_LARGE_FILE | EXT4_FEATURE_RO_COMPAT_HUGE_FILE | \
	 EXT4_FEATURE_RO_COMPAT_GDT_CSUM | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |  \
	 EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_QUOTA |   \
	 EXT4_FEATURE_RO_COMPAT_BIGALLOC |                                     \
	 EXT4_FEATURE_RO_COMPAT_METADATA_CSUM |                                \
	 EXT4_FEATURE_RO_COMPAT_READONLY | EXT4_FEATURE_RO_COMPAT_PROJECT |    \
	 EXT4_FEATURE_RO_COMPAT_VERITY)

#define FIELD(name) offsetof(struct ext2_super_block, name)

/* The superblock as bytes; the library's struct only names the places. */
struct super {
	uint8_t raw[SUPER_LEN];
};

static uint32_t get(const struct super *s, size_t off)
{
	return le32(s->raw + off);
}

static bool incompat(const struct super *s, uint32_t bit)
{
	return get(s, FIELD(s_feature_incompat)) & bit;
}

static bool ro_compat(const struct super *s, uint32_t bit)
{
	return get(s, FIELD(s_feature_ro_compat)) & bit;
}

static void describe(struct fs_part *p, const struct super *s)
{
	const char *type = "ext2";

	if (incompat(s, KNOWN_INCOMPAT & ~(uint32_t)(
			EXT2_FEATURE_INCOMPAT_FILETYPE |
			EXT2_FEATURE_INCOMPAT_META_BG)) ||
	    ro_compat(s, KNOWN_RO_COMPAT & ~(uint32_t)(
			EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |
			EXT2_FEATURE_RO_COMPAT_LARGE_FILE)))
		type = "ext4";
	else if (get(s, FIELD(s_feature_compat)) &
		 EXT3_FEATURE_COMPAT_HAS_JOURNAL)
		type = "ext3";
	memcpy(p->type, type, strlen(type) + 1);
	put_uuid(p->uuid, sizeof(p->uuid), s->raw + FIELD(s_uuid));
	put_text(p->label, sizeof(p->label), s->raw + FIELD(s_volume_name), 16);
	p->block_size = 1024u << get(s, FIELD(s_log_block_size));
}

static int check_features(struct fs_part *p, const struct super *s)
{
	uint32_t in = get(s, FIELD(s_feature_incompat)) &
		      ~(uint32_t)KNOWN_INCOMPAT;
	uint32_t ro = get(s, FIELD(s_feature_ro_compat)) &
		      ~(uint32_t)KNOWN_RO_COMPAT;

	if (in & EXT3_FEATURE_INCOMPAT_RECOVER)
		return fs_left(p, "its journal has to be recovered first: mount "
				  "and unmount it, or shut the guest down");
	if (in & EXT3_FEATURE_INCOMPAT_JOURNAL_DEV)
		return fs_left(p, "it is a journal of another file system");
	if (ro & EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)
		return fs_left(p, "it has files that were deleted while open: "
				  "mount and unmount it");
	if (in || ro)
		return fs_left(p, "it has features that are not known here "
				  "(0x%x, 0x%x)", in, ro);
	return FS_OK;
}

static int check_state(struct fs_part *p, const struct super *s)
{
	uint32_t state = le16(s->raw + FIELD(s_state));

	if (state & EXT2_ERROR_FS)
		return fs_left(p, "it is marked as having errors: run e2fsck");
	/* All other bits are for what goes on while it is mounted. */
	if (state != EXT2_VALID_FS)
		return fs_left(p, "it was not unmounted cleanly: mount and "
				  "unmount it, or shut the guest down");
	if (get(s, FIELD(s_last_orphan)))
		return fs_left(p, "it has files that were deleted while open: "
				  "mount and unmount it");
	return FS_OK;
}

/* Sizes of clusters and groups; bigalloc groups count in clusters. */
static bool groups_ok(const struct super *s)
{
	uint32_t log_blk = get(s, FIELD(s_log_block_size));
	uint32_t log_clu = get(s, FIELD(s_log_cluster_size));
	uint64_t per = get(s, FIELD(s_blocks_per_group));
	uint64_t clusters = get(s, FIELD(s_clusters_per_group));
	uint32_t first = get(s, FIELD(s_first_data_block));
	uint64_t bits = (UINT64_C(1024) << log_blk) * 8;

	if (!ro_compat(s, EXT4_FEATURE_RO_COMPAT_BIGALLOC))
		return log_clu == log_blk && clusters == per && per &&
		       per <= bits && !(per & 7) && first == (log_blk == 0);
	return log_clu >= log_blk && log_clu <= 20 && clusters &&
	       clusters <= bits && !(clusters & 7) && first == 0 &&
	       per == clusters << (log_clu - log_blk);
}

static int check_geometry(struct fs_vol *v, const struct super *s)
{
	uint64_t blocks = get(s, FIELD(s_blocks_count));
	uint64_t first = get(s, FIELD(s_first_data_block));
	uint64_t groups, desc = 32;
	struct fs_part *p = v->part;

	if (!groups_ok(s))
		return fs_left(p, "its superblock is damaged (block groups)");
	if (incompat(s, EXT4_FEATURE_INCOMPAT_64BIT)) {
		blocks |= (uint64_t)get(s, FIELD(s_blocks_count_hi)) << 32;
		desc = le16(s->raw + FIELD(s_desc_size));
		if (!is_pow2(desc) || desc < 64 || desc > 1024)
			return fs_left(p, "its superblock is damaged "
					  "(descriptor size)");
	}
	if (blocks <= first || blocks > v->len / p->block_size)
		return fs_left(p, "it is larger than its partition");
	groups = (blocks - first - 1) / get(s, FIELD(s_blocks_per_group)) + 1;
	if (groups > DESC_LIMIT / desc)
		return fs_left(p, "it has more block groups than are looked at");
	if (!get(s, FIELD(s_inodes_per_group)) ||
	    get(s, FIELD(s_inodes_per_group)) > p->block_size * 8)
		return fs_left(p, "its superblock is damaged (inodes)");
	return FS_OK;
}

/* The block in which machines that could mount it both say who does. */
static int check_mmp(struct fs_vol *v, const struct super *s)
{
	uint64_t block = get(s, FIELD(s_mmp_block)) |
			 (uint64_t)get(s, FIELD(s_mmp_block) + 4) << 32;
	struct fs_part *p = v->part;
	uint8_t raw[8];
	int rc;

	if (!incompat(s, EXT4_FEATURE_INCOMPAT_MMP))
		return FS_OK;
	if (!block || block > v->len / p->block_size)
		return fs_left(p, "its superblock is damaged (MMP)");
	rc = vol_read(v, raw, sizeof(raw), block * p->block_size);
	if (rc)
		return rc;
	if (le32(raw) != EXT4_MMP_MAGIC)
		return fs_left(p, "its MMP block is damaged: run e2fsck");
	if (le32(raw + 4) != EXT4_MMP_SEQ_CLEAN)
		return fs_left(p, "another machine or e2fsck has it in use "
				  "(MMP): unmount it there, or run tune2fs -f "
				  "-E clear_mmp");
	return FS_OK;
}

int ext_super_check(struct fs_vol *v)
{
	struct fs_part *p = v->part;
	struct super s;
	int rc;

	rc = vol_read(v, s.raw, sizeof(s.raw), SUPER_OFF);
	if (rc)
		return rc;
	if (get(&s, FIELD(s_log_block_size)) > 6)
		return fs_left(p, "its superblock is damaged (block size)");
	describe(p, &s);
	if (get(&s, FIELD(s_rev_level)) > EXT2_DYNAMIC_REV)
		return fs_left(p, "its revision is not known here");
	rc = check_features(p, &s);
	if (!rc)
		rc = check_state(p, &s);
	if (!rc)
		rc = check_geometry(v, &s);
	return rc ? rc : check_mmp(v, &s);
}
