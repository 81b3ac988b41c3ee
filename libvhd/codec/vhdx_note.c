/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "base/fail.h"
#include "codec/vhdx_note.h"

void vhdx_note_add(struct vhdx_notes *n, enum vhd_rule_idx rule, uint32_t off,
		   uint64_t value, const char *what)
{
	if (n->count == VHDX_NOTES_MAX) {
		n->dropped++;
		return;
	}
	n->note[n->count++] = (struct vhdx_note){
		.rule = rule, .off = off, .value = value, .what = what,
	};
}

enum vhd_rule_idx vhdx_note_fatal(struct vhdx_notes *n, enum vhd_rule_idx rule,
				  uint32_t off, uint64_t value,
				  const char *what)
{
	n->fatal = (struct vhdx_note){
		.rule = rule, .off = off, .value = value, .what = what,
	};
	return rule;
}

bool vhdx_notes_have(const struct vhdx_notes *n, enum vhd_rule_idx rule)
{
	for (uint32_t i = 0; i < n->count; i++) {
		if (n->note[i].rule == rule)
			return true;
	}
	return false;
}

/* "sentence: what 0x123", as much of it as there is. */
static const char *note_tail(const struct vhdx_note *note, char buf[64])
{
	if (note->what && note->value)
		snprintf(buf, 64, ": %.40s 0x%" PRIx64, note->what,
			 note->value);
	else if (note->what)
		snprintf(buf, 64, ": %.60s", note->what);
	else if (note->value)
		snprintf(buf, 64, ": 0x%" PRIx64, note->value);
	else
		buf[0] = '\0';
	return buf;
}

void vhdx_notes_report(const struct vhdx_notes *n, const struct vhd_sink *sink,
		       uint64_t base_off)
{
	char tail[64];

	for (uint32_t i = 0; i < n->count; i++) {
		const struct vhdx_note *note = &n->note[i];

		vhd_report(sink, note->rule, base_off + note->off, "%s%s",
			   vhd_rule_get(note->rule)->sentence,
			   note_tail(note, tail));
	}
}

static bool rule_is_unsupported(enum vhd_rule_idx rule)
{
	return rule == RULE_VHDX_HDR_VERSION ||
	       rule == RULE_VHDX_LOG_VERSION ||
	       rule == RULE_VHDX_RGN_REQUIRED ||
	       rule == RULE_VHDX_META_REQUIRED ||
	       rule == RULE_VHDX_META_INCOMPLETE ||
	       rule == RULE_VHDX_LOCATOR_TYPE ||
	       rule == RULE_VHDX_LOCATOR_COUNT;
}

int vhdx_notes_fail(const struct vhdx_notes *n, uint64_t base_off,
		    struct vhd_error *err)
{
	const struct vhdx_note *note = &n->fatal;
	int code = rule_is_unsupported(note->rule) ? VHD_E_UNSUPPORTED
						   : VHD_E_CORRUPT;
	char tail[64];

	return vhd_fail_code_rule(err, code, note->rule, base_off + note->off,
				  "%s%s", vhd_rule_get(note->rule)->sentence,
				  note_tail(note, tail));
}
