/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_LINT_H
#define VHD_OPS_LINT_H

/*
 * What targets do not like, a table each.  A row asks one question about one
 * layer: either whether check reported a rule, or whatever its function looks
 * at.  It never judges by the format's rules itself.
 */

#include "base/rules.h"
#include "image/image_priv.h"
#include "vhd/lint.h"

/* The layer a row is asked about. */
struct vhd_lint_view {
	struct vhd_image *img;
	const struct vhd_info *info;
	uint32_t layer;
	const uint8_t *seen;	/* see vhd_lint_saw() */
	char detail[128];	/* what the sentence says in place of "@" */
};

/* What kind of command mends it. */
enum vhd_lint_mend {
	VHD_MEND_NOTHING = 0,
	VHD_MEND_CONVERT,	/* a new image for the target */
	VHD_MEND_REPAIR,	/* of this file, with consent to the row's rule */
	VHD_MEND_RELINK,	/* the same, and the parent is recorded anew */
	VHD_MEND_FILL,		/* give the holes of the file their space */
	VHD_MEND_RENAME,	/* to the row's option */
	VHD_MEND_SET		/* what the row's option says; "@": the size */
};

struct vhd_lint_row {
	enum vhd_advice_kind kind;
	enum vhd_lint_mend mend;
	bool every;		/* layer, not only the image itself */
	enum vhd_rule_idx rule;	/* when there is no test */
	bool (*test)(struct vhd_lint_view *v);
	const char *clause;
	const char *msg;
	const char *option;	/* of the command; may be NULL */
	const char *ext;	/* of what a conversion makes, here */
};

struct vhd_lint_table {
	const char *target;
	const char *ext;	/* of what a conversion makes; NULL: keeps it */
	const struct vhd_lint_row *rows;
	size_t count;
};

/* NULL when nobody wrote one. */
const struct vhd_lint_table *vhd_lint_table_of(enum vhd_target target);

extern const struct vhd_lint_table vhd_lint_azure;
extern const struct vhd_lint_table vhd_lint_hyperv;
extern const struct vhd_lint_table vhd_lint_xen;
extern const struct vhd_lint_table vhd_lint_wsl;
extern const struct vhd_lint_table vhd_lint_qemu;

/* Questions that more than one target asks. */
bool vhd_lint_no_vhd(struct vhd_lint_view *v);
bool vhd_lint_no_vhdx(struct vhd_lint_view *v);
bool vhd_lint_diff(struct vhd_lint_view *v);
bool vhd_lint_part_mib(struct vhd_lint_view *v);
bool vhd_lint_large_sector(struct vhd_lint_view *v);
bool vhd_lint_vhd_over_2040g(struct vhd_lint_view *v);
bool vhd_lint_pending(struct vhd_lint_view *v);

/* Did check report a rule about this layer? */
bool vhd_lint_saw(const struct vhd_lint_view *v, enum vhd_rule_idx rule);

/* Puts numbers in the sentence; returns true. */
bool vhd_lint_say(struct vhd_lint_view *v, const char *fmt, ...)
	VHD_PRINTF(2, 3);

/*
 * What the one conversion has to be like that cures all that a conversion can;
 * all zeros at first.
 */
struct vhd_lint_cure {
	const char *option[4];
	size_t count;
	const char *ext;		/* NULL: the table's */
	bool convert;			/* there is a conversion at all */
};

/* Another row that applies. */
void vhd_lint_cure_add(struct vhd_lint_cure *cure,
		       const struct vhd_lint_row *row);

/*
 * The command for a row, *@cmd_out to be freed; NULL for VHD_MEND_NOTHING.
 */
int vhd_lint_command(const struct vhd_lint_table *table,
		     const struct vhd_lint_row *row,
		     const struct vhd_lint_cure *cure,
		     const struct vhd_lint_view *v, char **cmd_out,
		     struct vhd_error *err);

#endif
