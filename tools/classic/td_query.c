/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines are those of vhd-util's query, but their order and what is said when
 * something fails are not.
 */
#include "classic/td_query.h"

#include <errno.h>
#include <getopt.h>

#include "classic/classic.h"
#include "classic/query_items.h"

enum { PATH_ROOM = 4096 };

struct query {
	const char *name;
	bool virtual_size, parent, hidden, depth, from_copy;
	struct vhd_xen_headers h;
	const struct vhd_xen_footer *f;
};

static bool take_options(struct query *q, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "vpfdb")) != -1) {
		switch (c) {
		case 'v': q->virtual_size = true; break;
		case 'p': q->parent = true; break;
		case 'f': q->hidden = true; break;
		case 'd': q->depth = true; break;
		case 'b': q->from_copy = true; break;
		default: return false;
		}
	}
	q->name = argv[optind];
	return optind + 1 == argc;
}

static int read_headers(struct query *q)
{
	struct vhd_open_opts open = classic_alone_opts;
	struct vhd_image *img = NULL;
	struct vhd_error err = { 0 };
	int rc;

	/* Unlike vhd-util, this one has nothing to say of a broken state. */
	open.flags &= ~(uint32_t)VHD_OPEN_POISONED;
	if (vhd_open(q->name, &open, &img, &err))
		return classic_status(&err);
	q->h.size = sizeof(q->h);
	rc = vhd_xen_layer_headers(img, 0, 0, &q->h, &err);
	vhd_close(&img, NULL);
	if (rc)
		return classic_status(&err);
	q->f = query_footer(&q->h, q->from_copy);
	return q->f != NULL ? 0 : EINVAL;
}

static int print_parent(const struct query *q)
{
	struct vhd_error err = { 0 };
	char path[PATH_ROOM];
	int status;

	if (!query_is_child(q->f)) {
		printf("%s has no parent\n", q->name);
		return 0;
	}
	if (vhd_xen_parent(q->name, path, sizeof(path), NULL, &err)) {
		status = classic_status(&err);
		printf("failed getting parent: %d\n", -status);
		return status;
	}
	puts(path);
	return 0;
}

/* Later lines are printed after one that failed: clients count them. */
static int print_items(const struct query *q)
{
	int status = 0, depth_status = 0;

	if (q->virtual_size)
		printf("%llu\n",
		       (unsigned long long)(q->f->current_size >> 20));
	if (q->parent)
		status = print_parent(q);
	if (q->hidden)
		printf("hidden: %d\n", (int)(int8_t)q->f->hidden);
	if (q->depth)
		depth_status = query_depth(q->name, q->f);
	return status ? status : depth_status;
}

int td_query(int argc, char **argv)
{
	struct query q = { 0 };
	int status;

	if (!take_options(&q, argc, argv))
		return -1;
	status = read_headers(&q);
	if (status) {
		printf("failed opening %s: %d\n", q.name, -status);
		return status;
	}
	return print_items(&q);
}
