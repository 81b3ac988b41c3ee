/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving what lies behind the limit - where the file would end if all that is
 * in it lay together - into the room before it (VHD-W-8, VHDX-CMP-01).
 *
 * The blocks are moved in the order of the table.  Every so often a commit makes
 * that durable, so that what they leave is given back to the file system before
 * more of it is needed, and a cut costs little.  A pass that moves nothing is
 * the last one: a further one finds more only because room became free, or
 * because there were more holes than the engine remembers at a time.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "ops/compact_priv.h"
#include "vhd/write.h"

#define COMMIT_EVERY (64 * MiB)

struct pass {
	struct compact *c;
	uint64_t limit;
	bool count_only;
	uint64_t behind;		/* blocks to be moved */
	uint64_t done;			/* of these, looked at */
	uint64_t moved;
	uint64_t waiting;		/* bytes moved since a commit */
	int rc;
	struct vhd_error *err;
};

/* What the last ones left may be what this one needs. */
static int move_block(struct pass *p, uint64_t blk, bool *moved_out)
{
	struct vhd_image *img = p->c->img;
	int rc = vhd_image_move_block(img, blk, p->limit, moved_out, p->err);

	if (rc != VHD_E_NOSPACE || !p->waiting)
		return rc;
	p->waiting = 0;
	rc = vhd_flush(img, p->err);
	return rc ? rc : vhd_image_move_block(img, blk, p->limit, moved_out,
					      p->err);
}

static int move_one(struct pass *p, uint64_t blk)
{
	struct compact *c = p->c;
	bool moved = false;
	int rc = vhd_compact_tell(c, p->done * c->block_size,
				  p->behind * c->block_size, p->err);

	if (!rc)
		rc = vhd_compact_keep_id(c, p->err);
	if (!rc)
		rc = move_block(p, blk, &moved);
	p->done++;
	if (rc || !moved)
		return rc;
	c->begun = true;
	p->moved++;
	p->waiting += c->block_size;
	if (p->waiting < COMMIT_EVERY)
		return 0;
	p->waiting = 0;
	return vhd_flush(c->img, p->err);
}

static bool on_region(void *arg, enum vhd_region_kind kind, uint64_t off,
		      uint64_t len, uint64_t blk)
{
	struct pass *p = arg;

	if (kind != VHD_REGION_DATA || off + len <= p->limit)
		return true;
	if (p->count_only)
		p->behind++;
	else
		p->rc = move_one(p, blk);
	return !p->rc;
}

static int walk(struct pass *p, bool count_only)
{
	int rc;

	p->count_only = count_only;
	rc = vhd_layer_layout(p->c->img, 0, on_region, p, p->err);
	return p->rc ? p->rc : rc;
}

static int one_pass(struct compact *c, uint64_t *moved_out,
		    struct vhd_error *err)
{
	struct pass p = { .c = c, .err = err };
	int rc = vhd_image_pack(c->img, &p.limit, err);

	if (!rc)
		rc = walk(&p, true);
	if (!rc && p.behind)
		rc = walk(&p, false);
	c->res->moved_blocks += p.moved;
	*moved_out = p.moved;
	if (rc)
		return rc;
	rc = vhd_compact_keep_id(c, err);
	if (!rc)
		rc = vhd_image_pack_rest(c->img, p.limit, err);
	if (rc || !vhd_writer_touched(c->img->writer))
		return rc;
	c->begun = true;
	return vhd_flush(c->img, err);
}

/*
 * Blocks that Xen marks can be given up only by who says so first (VHD-X-10).
 * The packing of a VHDX may begin with a change, which is too early here.
 */
int vhd_compact_announce(struct compact *c, struct vhd_error *err)
{
	uint64_t limit;

	if (c->img->layers[0].format != VHD_FORMAT_VHD)
		return 0;
	return vhd_image_pack(c->img, &limit, err);
}

int vhd_compact_pack(struct compact *c, struct vhd_error *err)
{
	uint64_t moved = 1;
	bool hangs = false;
	int rc = c->begun ? vhd_flush(c->img, err) : 0;

	while (!rc && moved)
		rc = one_pass(c, &moved, err);
	if (!rc && !c->begun)
		rc = vhd_compact_hangs(c, &hangs, err);
	if (!rc && hangs)
		rc = vhd_compact_begin(c, err);
	return rc;
}
