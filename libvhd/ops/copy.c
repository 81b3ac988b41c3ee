/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The copy engine: alone at first, and as long as the file system shares what
 * would have to be copied; by several threads when there is much to do and they
 * were asked for.
 */
#include "ops/copy.h"

#include <sys/resource.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "io/io.h"
#include "io/reserve.h"
#include "ops/copy_forward.h"
#include "ops/copy_priv.h"

/* Below that, starting threads costs more than they save. */
#define ALONE (4 * MiB)
/* Of data: with shorter ones two threads may get in each other's way. */
#define LONG_RUN (64 * KiB)

static int do_shared(struct vhd_cutter *c, struct vhd_giver *g,
		     struct vhd_piece *p, struct vhd_error *err)
{
	struct vhd_share_end end;
	int rc = vhd_give_share(g, p, &end, err);

	if (!rc && end.left)
		vhd_cut_again(c, &end);
	return rc;
}

static int do_piece(struct vhd_cutter *c, struct vhd_giver *g,
		    struct vhd_piece *p, struct vhd_error *err)
{
	int rc;

	if (p->shared)
		return do_shared(c, g, p, err);
	if (c->copy->lost)
		return vhd_give_salvaged(g, c, p, err);
	rc = vhd_piece_read(c->copy, p, err);
	if (rc)
		return rc;
	vhd_piece_scan(c->copy, p);
	rc = vhd_give(g, p, err);
	return rc ? rc : vhd_give_write(c->copy, p, err);
}

/* Other threads of the caller's wait as well. */
#ifdef RUSAGE_THREAD
#define WHO RUSAGE_THREAD
#else
#define WHO RUSAGE_SELF
#endif

/* How often this thread had to wait for something. */
static uint64_t waits(void)
{
	struct rusage use;

	return getrusage(WHO, &use) ? 0 : (uint64_t)use.ru_nvcsw;
}

/*
 * Is it all one file into another, in small runs, and without waiting?  Then most
 * of the work is the file system's own.  It has one lock for a file, and where
 * handing out a piece writes as well, that meets the other thread's writes there:
 * two threads take as long as one, and more of the processor.
 */
static bool is_scattered(const struct vhd_copy *copy, const struct vhd_giver *g,
			 uint64_t pieces, uint64_t waited)
{
	uint32_t i;

	if (!copy->place_writes || copy->trail || vhd_io_fd(copy->into) < 0 ||
	    g->result.data_bytes >= g->runs * LONG_RUN)
		return false;
	for (i = 0; i < copy->src->count; i++) {
		if (vhd_io_fd(copy->src->layers[i].io) < 0)
			return false;
	}
	return waits() - waited < pieces / 4;
}

/* *@team_out: there is more, and it is work for several. */
static int alone(struct vhd_cutter *c, struct vhd_giver *g, bool *team_out,
		 struct vhd_error *err)
{
	struct vhd_piece *p = vhd_piece_new();
	bool several = c->copy->threads > 1 && !c->copy->lost;
	uint64_t pieces = 0, waited = waits();
	int rc = p ? 0 : vhd_fail_nomem(err);

	*team_out = false;
	while (!rc) {
		*team_out = several && !vhd_cutter_shares(c) &&
			    g->result.data_bytes >= ALONE &&
			    !is_scattered(c->copy, g, pieces, waited);
		pieces++;
		if (*team_out)
			break;
		rc = vhd_cut(c, p, err);
		if (rc || !p->chunks)
			break;
		rc = do_piece(c, g, p, err);
	}
	vhd_piece_free(p);
	return rc;
}

int vhd_copy_run(const struct vhd_copy *copy,
		 struct vhd_copy_result *result_out, struct vhd_error *err)
{
	struct vhd_giver g = {
		.copy = copy,
		.reach = copy->into && vhd_io_overdoes(copy->into),
		.reserve = copy->reserve,
	};
	struct vhd_cutter c;
	bool team = false;
	int rc;

	if (copy->src->forward && !copy->feed)
		return vhd_copy_forward_run(copy, result_out, err);
	rc = vhd_cutter_init(&c, copy, err);
	if (!rc)
		rc = vhd_give_tell(&g, 0, err);
	if (!rc)
		rc = alone(&c, &g, &team, err);
	if (!rc && team)
		rc = vhd_copy_team(&c, &g, err);
	g.result.missing_bytes = c.missing;
	if (!rc && result_out)
		*result_out = g.result;
	return rc;
}
