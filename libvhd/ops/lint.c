/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows about rules are answered by a check of the whole chain, so that no rule
 * is known in two places; a bit per rule and layer remembers what it said.
 */
#include "ops/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"

#define RULE_BYTES ((VHD_RULE_COUNT + 7u) / 8)

struct lint {
	const struct vhd_lint_opts *opts;
	const struct vhd_lint_table *table;
	struct vhd_lint_result *result;
	struct vhd_image *img;
	struct vhd_info *info;
	uint8_t *seen;		/* RULE_BYTES for each layer */
	struct vhd_lint_cure cure;
};

bool vhd_lint_say(struct vhd_lint_view *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->detail, sizeof(v->detail), fmt, ap);
	va_end(ap);
	return true;
}

const struct vhd_lint_table *vhd_lint_table_of(enum vhd_target target)
{
	switch (target) {
	case VHD_TARGET_NONE:
		return NULL;
	case VHD_TARGET_AZURE:
		return &vhd_lint_azure;
	case VHD_TARGET_HYPERV:
		return &vhd_lint_hyperv;
	case VHD_TARGET_XEN:
		return &vhd_lint_xen;
	case VHD_TARGET_WSL:
		return &vhd_lint_wsl;
	case VHD_TARGET_QEMU:
		return &vhd_lint_qemu;
	}
	return NULL;
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	struct lint *l = arg;
	size_t idx = (size_t)(f->rule - vhd_rule_get((enum vhd_rule_idx)0));

	if (f->layer < l->img->count)
		l->seen[f->layer * RULE_BYTES + idx / 8] |=
			(uint8_t)(1u << idx % 8);
}

bool vhd_lint_saw(const struct vhd_lint_view *v, enum vhd_rule_idx rule)
{
	return v->seen[rule / 8u] & 1u << rule % 8u;
}

static int look(struct lint *l, const char *path,
		const struct vhd_open_opts *open, struct vhd_error *err)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result res;

	l->seen = vhd_alloc_array(l->img->count, RULE_BYTES);
	if (!l->seen)
		return vhd_fail_nomem(err);
	o.flags = VHD_CHECK_CHAIN;
	o.now = (int64_t)time(NULL);
	o.open = open;
	o.finding = on_finding;
	o.finding_arg = l;
	return vhd_check(path, &o, &res, err);
}

/* The row's sentence, with the detail where it has a "@". */
static void sentence(const struct vhd_lint_row *row,
		     const struct vhd_lint_view *v, char *buf, size_t room)
{
	size_t head = strcspn(row->msg, "@");
	const char *tail = row->msg[head] ? row->msg + head + 1 : "";

	snprintf(buf, room, "%.*s%s%s", (int)head, row->msg, v->detail, tail);
}

static int advise(struct lint *l, const struct vhd_lint_row *row,
		  const struct vhd_lint_view *v, struct vhd_error *err)
{
	struct vhd_advice a = {
		.kind = row->kind,
		.clause = row->clause,
		.file = vhd_layer_path(v->img, v->layer),
	};
	char *cmd = NULL;
	char msg[512];
	int rc = vhd_lint_command(l->table, row, &l->cure, v, &cmd, err);

	if (rc)
		return rc;
	l->result->count[row->kind]++;
	sentence(row, v, msg, sizeof(msg));
	a.msg = msg;
	a.mend = cmd;
	if (l->opts->advice)
		l->opts->advice(l->opts->arg, &a);
	vhd_free(cmd);
	return 0;
}

static int learn(struct lint *l, const struct vhd_lint_row *row,
		 const struct vhd_lint_view *v, struct vhd_error *err)
{
	(void)v;
	(void)err;
	vhd_lint_cure_add(&l->cure, row);
	return 0;
}

typedef int (*row_fn)(struct lint *l, const struct vhd_lint_row *row,
		      const struct vhd_lint_view *v, struct vhd_error *err);

/* @fn is called for each row that applies. */
static int ask_layer(struct lint *l, uint32_t layer, row_fn fn,
		     struct vhd_error *err)
{
	size_t i;
	int rc;

	l->info->size = sizeof(*l->info);
	rc = vhd_layer_info(l->img, layer, l->info, err);
	for (i = 0; !rc && i < l->table->count; i++) {
		const struct vhd_lint_row *row = &l->table->rows[i];
		struct vhd_lint_view v = {
			.img = l->img,
			.info = l->info,
			.layer = layer,
			.seen = l->seen + layer * RULE_BYTES,
		};

		if (layer && !row->every)
			continue;
		if (row->test ? row->test(&v) : vhd_lint_saw(&v, row->rule))
			rc = fn(l, row, &v, err);
	}
	return rc;
}

static int ask_all(struct lint *l, row_fn fn, struct vhd_error *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < l->img->count; i++)
		rc = ask_layer(l, i, fn, err);
	return rc;
}

static int opts_get(const struct vhd_lint_opts *in, struct vhd_lint_opts *out,
		    struct vhd_open_opts *open, struct vhd_error *err)
{
	static const struct vhd_lint_opts none = { 0 };
	int rc = VHD_OPTS_COPY(vhd_lint_opts, open, in ? in : &none, out, err);

	if (!rc)
		rc = vhd_flags_check(out->flags, 0, "lint flags", err);
	if (rc)
		return rc;
	if (!vhd_lint_table_of(out->target))
		return vhd_fail(err, VHD_E_INVAL, "there is no target number %d",
				(int)out->target);
	rc = vhd_open_opts_get(out->open, open, err);
	if (!rc && open->flags & VHD_OPEN_RDWR)
		rc = vhd_fail(err, VHD_E_INVAL, "an image is only read here");
	return rc;
}

/* Any file can be taken for a raw disk, but disks have whole sectors. */
static int check_raw(const struct vhd_image *img, struct vhd_error *err)
{
	const struct vhd_layer *top = &img->layers[0];
	int rc = 0;

	if (top->format != VHD_FORMAT_RAW)
		return 0;
	if (top->size == 0)
		rc = vhd_fail(err, VHD_E_FORMAT, "the file is empty");
	else if (top->size % 512)
		rc = vhd_fail(err, VHD_E_FORMAT,
			      "neither a VHD nor a VHDX, and no raw disk: %llu "
			      "bytes are not whole sectors",
			      (unsigned long long)top->size);
	return vhd_err_file(err, rc, vhd_io_name(top->io));
}

int vhd_lint(const char *path, const struct vhd_lint_opts *opts,
	     struct vhd_lint_result *result_out, struct vhd_error *err)
{
	struct vhd_lint_opts o;
	struct vhd_open_opts open, quiet;
	struct lint l = { .opts = &o, .result = result_out };
	int rc;

	if (!path || !result_out)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	memset(result_out, 0, sizeof(*result_out));
	rc = opts_get(opts, &o, &open, err);
	if (rc)
		return rc;
	l.table = vhd_lint_table_of(o.target);
	quiet = open;
	quiet.log = NULL;
	l.info = vhd_alloc(sizeof(*l.info));
	rc = l.info ? vhd_open(path, &open, &l.img, err) : vhd_fail_nomem(err);
	if (!rc)
		rc = check_raw(l.img, err);
	if (!rc)
		rc = look(&l, path, &quiet, err);
	if (!rc)
		rc = ask_all(&l, learn, err);
	if (!rc)
		rc = ask_all(&l, advise, err);
	vhd_close(&l.img, NULL);
	vhd_free(l.seen);
	vhd_free(l.info);
	return rc;
}

static bool other_format(struct vhd_lint_view *v, enum vhd_format wanted)
{
	static const char *const names[] = {
		[VHD_FORMAT_AUTO] = "something else",
		[VHD_FORMAT_RAW] = "a raw disk",
		[VHD_FORMAT_VHD] = "a VHD",
		[VHD_FORMAT_VHDX] = "a VHDX",
	};

	return v->info->format != wanted &&
	       vhd_lint_say(v, "%s", names[v->info->format]);
}

bool vhd_lint_no_vhd(struct vhd_lint_view *v)
{
	return other_format(v, VHD_FORMAT_VHD);
}

bool vhd_lint_no_vhdx(struct vhd_lint_view *v)
{
	return other_format(v, VHD_FORMAT_VHDX);
}

bool vhd_lint_diff(struct vhd_lint_view *v)
{
	return v->info->type == VHD_TYPE_DIFF;
}

bool vhd_lint_part_mib(struct vhd_lint_view *v)
{
	return v->info->virtual_size % MiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

bool vhd_lint_large_sector(struct vhd_lint_view *v)
{
	return v->info->logical_sector != 512 &&
	       v->info->format == VHD_FORMAT_VHDX &&
	       vhd_lint_say(v, "%u", (unsigned int)v->info->logical_sector);
}

bool vhd_lint_vhd_over_2040g(struct vhd_lint_view *v)
{
	return v->info->format == VHD_FORMAT_VHD &&
	       v->info->virtual_size > 2040 * GiB &&
	       vhd_lint_say(v, "%llu bytes",
			    (unsigned long long)v->info->virtual_size);
}

bool vhd_lint_pending(struct vhd_lint_view *v)
{
	return v->info->log == VHD_LOG_REPLAYED;
}
