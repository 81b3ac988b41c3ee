/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command lines that mend what a target does not like.  They are made to be
 * pasted: names are quoted, and one that begins with a dash gets a directory in
 * front.  No command replaces a file that exists, and there is one conversion
 * for all that a conversion cures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/path.h"
#include "ops/kin.h"
#include "ops/lint.h"

/* A text that grows; once there is no memory it stays as it is. */
struct text {
	char *p;
	size_t len, room;
	bool failed;
};

static void add_bytes(struct text *t, const char *s, size_t len)
{
	if (t->failed)
		return;
	if (t->len + len + 1 > t->room) {
		size_t room = (t->len + len + 1) * 2;
		char *more = vhd_alloc(room);

		if (!more) {
			t->failed = true;
			return;
		}
		if (t->p)
			memcpy(more, t->p, t->len);
		vhd_free(t->p);
		t->p = more;
		t->room = room;
	}
	memcpy(t->p + t->len, s, len);
	t->len += len;
	t->p[t->len] = '\0';
}

static void add(struct text *t, const char *s)
{
	add_bytes(t, s, strlen(s));
}

/* The inside of a word between single quotes. */
static void add_quoted(struct text *t, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\'')
			add(t, "'\\''");
		else
			add_bytes(t, s + i, 1);
	}
}

/* @len bytes of @path, then @tail, as one word. */
static void add_name(struct text *t, const char *path, size_t len,
		     const char *tail)
{
	add(t, " '");
	if (len && path[0] == '-')
		add(t, "./");
	add_quoted(t, path, len);
	add(t, tail);
	add(t, "'");
}

/* Length of @path without its extension. */
static size_t stem(const char *path)
{
	const char *base = vhd_path_base(path);
	const char *dot = strrchr(base, '.');

	return dot && dot > base ? (size_t)(dot - path) : strlen(path);
}

/* The extension decides the format of the new image. */
static const char *new_ext(const struct vhd_lint_table *table,
			   const struct vhd_lint_cure *cure,
			   const struct vhd_image *img)
{
	if (cure->ext)
		return cure->ext;
	if (table->ext)
		return table->ext;
	return img->layers[0].format == VHD_FORMAT_VHDX ? ".vhdx" : ".vhd";
}

void vhd_lint_cure_add(struct vhd_lint_cure *cure,
		       const struct vhd_lint_row *row)
{
	const size_t room = sizeof(cure->option) / sizeof(cure->option[0]);
	size_t i;

	if (row->mend != VHD_MEND_CONVERT)
		return;
	cure->convert = true;
	if (row->ext)
		cure->ext = row->ext;
	for (i = 0; row->option && i < cure->count; i++)
		if (!strcmp(cure->option[i], row->option))
			return;
	if (row->option && cure->count < room)
		cure->option[cure->count++] = row->option;
}

/* What the conversion makes. */
static void add_new_name(struct text *t, const struct vhd_lint_table *table,
			 const struct vhd_lint_cure *cure,
			 const struct vhd_image *img)
{
	const char *path = vhd_layer_path(img, 0);
	char tail[64];

	snprintf(tail, sizeof(tail), "-%s%s", table->target,
		 new_ext(table, cure, img));
	add_name(t, path, stem(path), tail);
}

static void add_convert(struct text *t, const struct vhd_lint_table *table,
			const struct vhd_lint_cure *cure,
			const struct vhd_image *img)
{
	const char *path = vhd_layer_path(img, 0);
	size_t i;

	add(t, "vhd-util convert --for ");
	add(t, table->target);
	for (i = 0; i < cure->count; i++) {
		add(t, " ");
		add(t, cure->option[i]);
	}
	add_name(t, path, strlen(path), "");
	add_new_name(t, table, cure, img);
}

/* @parent may be NULL. */
static void add_repair(struct text *t, const struct vhd_lint_row *row,
		       const char *parent, const char *path)
{
	const struct vhd_rule *rule = vhd_rule_get(row->rule);

	add(t, "vhd-util repair --repair");
	if (rule->repair == VHD_REPAIR_ASK) {
		add(t, " --allow ");
		add(t, rule->name);
	}
	if (parent) {
		add(t, " --parent");
		add_name(t, parent, strlen(parent), "");
	}
	add_name(t, path, strlen(path), "");
}

static void add_fill(struct text *t, const struct vhd_lint_view *v,
		     const char *path)
{
	char len[32];

	snprintf(len, sizeof(len), "%" PRIu64, v->info->file_size);
	add(t, "fallocate --length ");
	add(t, len);
	add_name(t, path, strlen(path), "");
}

/*
 * The option is the new name, or the new extension when it starts with a dot.
 * When a conversion is suggested too, it is what that makes that needs the name;
 * its extension is right already.
 */
static void add_rename(struct text *t, const struct vhd_lint_table *table,
		       const struct vhd_lint_row *row,
		       const struct vhd_lint_cure *cure,
		       const struct vhd_lint_view *v)
{
	const char *path = vhd_layer_path(v->img, v->layer);
	size_t len = (size_t)(vhd_path_base(path) - path);
	bool ext = row->option[0] == '.';

	if (cure->convert && ext)
		return;
	add(t, "mv -n");
	if (cure->convert)
		add_new_name(t, table, cure, v->img);
	else
		add_name(t, path, strlen(path), "");
	add_name(t, path, ext ? stem(path) : len, row->option);
}

/* Children would not find an image that has another name. */
static int rename_or_not(struct text *t, const struct vhd_lint_table *table,
			 const struct vhd_lint_row *row,
			 const struct vhd_lint_cure *cure,
			 const struct vhd_lint_view *v, struct vhd_error *err)
{
	struct vhd_kin kin = { .count = 0 };
	int rc = 0;

	if (!cure->convert)
		rc = vhd_kin_find(v->img, NULL, 0, &kin, err);
	if (!rc && !kin.count)
		add_rename(t, table, row, cure, v);
	return rc == VHD_E_REFUSED ? 0 : rc;
}

static void add_set(struct text *t, const struct vhd_lint_row *row,
		    const struct vhd_lint_view *v, const char *path)
{
	size_t head = strcspn(row->option, "@");
	char size[32];

	snprintf(size, sizeof(size), "%" PRIu64, v->info->virtual_size);
	add(t, "vhd-util set ");
	add_bytes(t, row->option, head);
	if (row->option[head])
		add(t, size);
	add_name(t, path, strlen(path), "");
}

int vhd_lint_command(const struct vhd_lint_table *table,
		     const struct vhd_lint_row *row,
		     const struct vhd_lint_cure *cure,
		     const struct vhd_lint_view *v, char **cmd_out,
		     struct vhd_error *err)
{
	const char *path = vhd_layer_path(v->img, v->layer);
	struct text t = { 0 };
	int rc = 0;

	*cmd_out = NULL;
	switch (row->mend) {
	case VHD_MEND_NOTHING:
		return 0;
	case VHD_MEND_CONVERT:
		/* what any layer has is gone when the chain is one image */
		add_convert(&t, table, cure, v->img);
		break;
	case VHD_MEND_REPAIR:
		add_repair(&t, row, NULL, path);
		break;
	case VHD_MEND_RELINK:
		add_repair(&t, row, vhd_layer_path(v->img, v->layer + 1), path);
		break;
	case VHD_MEND_FILL:
		add_fill(&t, v, path);
		break;
	case VHD_MEND_RENAME:
		rc = rename_or_not(&t, table, row, cure, v, err);
		break;
	case VHD_MEND_SET:
		/* a conversion that is suggested anyway does that as well */
		if (cure->convert)
			add_convert(&t, table, cure, v->img);
		else
			add_set(&t, row, v, path);
		break;
	}
	if (!rc && t.failed)
		rc = vhd_fail_nomem(err);
	if (rc) {
		vhd_free(t.p);
		return rc;
	}
	*cmd_out = t.p;
	return 0;
}
