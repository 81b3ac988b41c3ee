/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FUZZ_NOTES_H
#define FUZZ_NOTES_H

#include "codec/vhdx_note.h"
#include "fuzz/fuzz.h"

/* The notes of a decoder that answered @rule make a proper error. */
static inline void fuzz_notes_ok(const struct vhdx_notes *n,
				 enum vhd_rule_idx rule)
{
	struct vhd_error err;
	int rc;

	FUZZ_CHECK(n->count <= VHDX_NOTES_MAX);
	if (rule == VHD_RULE_NONE)
		return;
	FUZZ_CHECK(n->fatal.rule == rule);
	fuzz_error_arm(&err);
	rc = vhdx_notes_fail(n, 0, &err);
	FUZZ_CHECK(rc == VHD_E_CORRUPT || rc == VHD_E_UNSUPPORTED);
	fuzz_error_ok(rc, &err);
}

#endif
