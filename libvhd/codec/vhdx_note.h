/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_NOTE_H
#define VHD_CODEC_VHDX_NOTE_H

/*
 * What a decoder has to say besides its result: rules that are broken and do no
 * harm, and where and with what number the one is that does.  A list of bounded
 * length, so that decoders stay pure; the engine turns it into findings and
 * errors with the two functions below.
 */

#include <stdbool.h>

#include "base/rules.h"
#include "base/sink.h"

enum { VHDX_NOTES_MAX = 24 };

struct vhdx_note {
	enum vhd_rule_idx rule;
	uint32_t off;		/* byte in the structure that was decoded */
	uint64_t value;		/* the number at fault; 0 when there is none */
	const char *what;	/* what it is about, lives for ever; or NULL */
};

struct vhdx_notes {
	struct vhdx_note fatal;		/* valid when a decoder returned a rule */
	uint32_t count;
	uint32_t dropped;		/* that found no room */
	struct vhdx_note note[VHDX_NOTES_MAX];
};
#define VHDX_NOTES_INIT { .fatal = { .rule = VHD_RULE_NONE } }

/* @what is static text or NULL. */
void vhdx_note_add(struct vhdx_notes *n, enum vhd_rule_idx rule, uint32_t off,
		   uint64_t value, const char *what);

/* Records the rule that ends a decoder; returns it. */
enum vhd_rule_idx vhdx_note_fatal(struct vhdx_notes *n, enum vhd_rule_idx rule,
				  uint32_t off, uint64_t value,
				  const char *what);

/* Is there a note of this rule? */
bool vhdx_notes_have(const struct vhdx_notes *n, enum vhd_rule_idx rule);

/* Reports all notes but the fatal one; @base_off is added to their places. */
void vhdx_notes_report(const struct vhdx_notes *n, const struct vhd_sink *sink,
		       uint64_t base_off);

/*
 * Makes an error of the fatal note: VHD_E_UNSUPPORTED for what is sound but not
 * known to us (versions, required regions and items, locator types), else
 * VHD_E_CORRUPT.
 */
int vhdx_notes_fail(const struct vhdx_notes *n, uint64_t base_off,
		    struct vhd_error *err);

#endif
