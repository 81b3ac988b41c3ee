/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vhdx/vhdx_repair_bat_priv.h"

/* Words that the rules with a choice know; the others know none. */
static bool known_word(enum vhd_rule_idx rule, const char *word)
{
	static const struct {
		enum vhd_rule_idx rule;
		const char *word;
	} known[] = {
		{ RULE_VHDX_BLOCK_OVERLAP, "" },
		{ RULE_VHDX_BLOCK_OVERLAP, "copy" },
		{ RULE_VHDX_BLOCK_OVERLAP, "first" },
		{ RULE_VHDX_BLOCK_OVERLAP, "second" },
		{ RULE_VHDX_BITMAP_MISSING, "file" },
		{ RULE_VHDX_BITMAP_MISSING, "parent" },
		{ RULE_VHDX_FIXED_HOLES, "" },
		{ RULE_VHDX_FIXED_HOLES, "allocate" },
		{ RULE_VHDX_FIXED_HOLES, "clear" },
	};
	bool has_words = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].rule != rule)
			continue;
		if (!strcmp(known[i].word, word))
			return true;
		has_words = true;
	}
	return !has_words && !*word;
}

/*
 * For a copy only what makes bytes readable is of use: what is lost must go on
 * failing to be read, or nobody would hear of it.
 */
static const char *salvage_choice(enum vhd_rule_idx rule)
{
	if (rule == RULE_VHDX_BITMAP_MISSING)
		return "file";
	if (rule == RULE_VHDX_BITMAP_STATE || rule == RULE_VHDX_BLOCK_IN_META)
		return "";
	return NULL;
}

static struct vhdx_mend_rule *rule_of(struct vhdx_mend *m,
				      enum vhd_rule_idx rule)
{
	struct vhdx_mend_rule *r = &m->rule[rule];

	if (!r->asked) {
		r->choice = m->req->salvage ?
				    salvage_choice(rule) :
				    vhd_mend_choice(&m->req->mender, rule);
		if (r->choice && !known_word(rule, r->choice))
			r->choice = NULL;
		r->asked = true;
	}
	return r;
}

const char *vhdx_mend_choice(struct vhdx_mend *m, enum vhd_rule_idx rule)
{
	return rule_of(m, rule)->choice;
}

static bool tell(struct vhdx_mend *m, enum vhd_rule_idx rule, bool granted,
		 uint64_t idx, const char *msg)
{
	const struct vhd_mender *to = &m->req->mender;

	if (!to->step(to->arg, vhd_rule_get(rule), granted,
		      vhdx_bat_file_off(m->x, idx), msg))
		m->full = true;
	return granted && !m->full;
}

/* The rest of a piece is one step; what is not allowed is told no further. */
static bool tell_rest(struct vhdx_mend *m, enum vhd_rule_idx rule,
		      struct vhdx_mend_rule *r)
{
	char msg[160];

	if (!r->choice)
		return false;
	if (r->piece == m->piece_idx + 1)
		return true;
	r->piece = m->piece_idx + 1;
	snprintf(msg, sizeof(msg), "the same for all further ones among table "
		 "entries %" PRIu64 " to %" PRIu64, m->piece_idx,
		 m->piece_idx + m->piece_count - 1);
	return tell(m, rule, true, m->piece_idx, msg);
}

bool vhdx_mend_may(struct vhdx_mend *m, enum vhd_rule_idx rule, uint64_t idx,
		   const char *fmt, ...)
{
	struct vhdx_mend_rule *r = rule_of(m, rule);
	char msg[256];
	va_list ap;

	if (m->full || m->rc || (m->req->salvage && !r->choice))
		return false;
	if (r->told >= MEND_EACH)
		return tell_rest(m, rule, r);
	r->told++;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return tell(m, rule, r->choice != NULL, idx, msg);
}

bool vhdx_mend_told(struct vhdx_mend *m, enum vhd_rule_idx rule, uint64_t idx,
		    const char *fmt, ...)
{
	char msg[256];
	va_list ap;

	if (m->full || m->rc)
		return false;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return tell(m, rule, true, idx, msg);
}

void vhdx_mend_doubt(const struct vhdx_mend *m, uint64_t idx, const char *msg)
{
	const struct vhdx_geom *g = &m->x->geom;
	uint64_t blk, count = 1;

	if (vhdx_bat_idx_is_bitmap(g, idx)) {
		blk = vhdx_chunk_of_bat_idx(g, idx) * g->chunk_ratio;
		count = g->chunk_ratio;
	} else {
		blk = vhdx_blk_of_bat_idx(g, idx);
	}
	vhd_engine_doubt(m->req, vhdx_off_of_blk(g, blk),
			 count * g->block_size, msg);
}
