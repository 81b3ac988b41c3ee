/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line for each thing that was asked for, always in the same order.  Storage
 * managers run this thousands of times a day, on images that are in use: nothing
 * is locked, the image is opened once, its table is walked once, and other
 * members of its chain are touched for -p and -d only.
 */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "classic/headers_text.h"
#include "classic/query_items.h"

struct query {
	const char *name;
	bool virtual_size, used, parent, hidden, marker, depth, blocks, most;
	bool as_stored;		/* -u */
	bool from_copy;		/* -b */
	struct vhd_image *img;
	struct vhd_xen_headers h;
	const struct vhd_xen_footer *f;
	int status;		/* of the first item that failed */
};

static bool parse(struct query *q, int argc, char **argv, bool *help)
{
	int c;

	*help = false;
	while ((c = getopt(argc, argv, "n:vspfmdaSubh")) != -1) {
		switch (c) {
		case 'n': q->name = optarg; break;
		case 'v': q->virtual_size = true; break;
		case 's': q->used = true; break;
		case 'p': q->parent = true; break;
		case 'f': q->hidden = true; break;
		case 'm': q->marker = true; break;
		case 'd': q->depth = true; break;
		case 'a': q->blocks = true; break;
		case 'S': q->most = true; break;
		case 'u': q->as_stored = true; break;
		case 'b': q->from_copy = true; break;
		case 'h': *help = true; return true;
		default: return false;
		}
	}
	return q->name && classic_no_operands(argc);
}

static void failed(struct query *q, int status)
{
	if (!q->status)
		q->status = status;
}

static int open_image(struct query *q)
{
	struct vhd_error err = { 0 };

	if (vhd_open(q->name, &classic_alone_opts, &q->img, &err))
		return classic_open_error(q->name, &err);
	q->h.size = sizeof(q->h);
	if (vhd_xen_layer_headers(q->img, 0, 0, &q->h, &err))
		return classic_open_error(q->name, &err);
	q->f = query_footer(&q->h, q->from_copy);
	if (q->f)
		return 0;
	err.code = VHD_E_CORRUPT;
	err.os_errno = 0;
	return classic_open_error(q->name, &err);
}

static void print_stored_parent(struct query *q)
{
	for (size_t i = 0; i < 8; i++) {
		const struct vhd_xen_locator *loc = &q->h.header.locator[i];

		if (!loc->readable)
			continue;
		headers_name(stdout, loc->text);
		putchar('\n');
		return;
	}
	puts("query failed");
	failed(q, EINVAL);
}

static void print_parent(struct query *q)
{
	struct vhd_error err = { 0 };
	char path[4096];

	if (!query_is_child(q->f)) {
		printf("%s has no parent\n", q->name);
	} else if (q->as_stored) {
		print_stored_parent(q);
	} else if (vhd_xen_layer_parent(q->img, 0, path, sizeof(path), NULL,
					&err)) {
		puts("query failed");
		failed(q, classic_status(&err));
	} else {
		puts(path);
	}
}

/* What the table says: -s, and later -a. */
struct usage {
	uint64_t used;
	uint64_t blocks;
	int status;
};

static struct usage count(struct query *q)
{
	struct vhd_error err = { 0 };
	struct usage u = { 0 };

	if ((q->used || q->blocks) &&
	    vhd_xen_used(q->img, &u.used, &u.blocks, &err))
		u.status = classic_status(&err);
	return u;
}

static void print_used(struct query *q, const struct usage *u)
{
	if (u->status)
		printf("failed to get physical size: %d\n", -u->status);
	else
		printf("%llu\n", (unsigned long long)u->used);
	failed(q, u->status);
}

static void print_blocks(struct query *q, const struct usage *u)
{
	int status = q->h.have & VHD_XEN_HEADER ? u->status : EINVAL;

	if (status)
		printf("error reading bat: %d\n", -status);
	else
		printf("%llu\n", (unsigned long long)u->blocks);
	failed(q, status);
}

/* MiB that the table has entries for. */
static unsigned long long most(const struct vhd_xen_headers *h)
{
	if (!(h->have & VHD_XEN_HEADER))
		return 0;
	return (uint64_t)h->header.max_entries * h->header.block_size >> 20;
}

static void print_items(struct query *q)
{
	struct usage u = count(q);

	if (q->virtual_size)
		printf("%llu\n",
		       (unsigned long long)(q->f->current_size >> 20));
	if (q->used)
		print_used(q, &u);
	if (q->parent)
		print_parent(q);
	/* Both bytes have always been printed as signed ones. */
	if (q->hidden)
		printf("hidden: %d\n", (int)(int8_t)q->f->hidden);
	if (q->marker)
		printf("marker: %d\n", (int)(int8_t)q->h.batmap.marker);
	if (q->depth)
		failed(q, query_depth(q->name, q->f));
	if (q->blocks)
		print_blocks(q, &u);
	if (q->most)
		printf("%llu\n", most(&q->h));
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct query q = { 0 };
	bool help;

	if (!parse(&q, argc, argv, &help))
		return classic_usage(verb);
	if (help)
		return classic_help(verb);
	q.status = open_image(&q);
	if (!q.status)
		print_items(&q);
	vhd_close(&q.img, NULL);
	return q.status;
}

const struct classic_verb classic_query = {
	.name = "query",
	.usage = "-n NAME [-v] [-s] [-p] [-f] [-m] [-d] [-a] [-S] [-u] [-b]",
	.options = "  -n NAME  the image\n"
		"  -v       the size of the disk, in MiB\n"
		"  -s       bytes in use, with the footer\n"
		"  -p       the path of the parent\n"
		"  -f       whether it is hidden\n"
		"  -m       the marker\n"
		"  -d       how many images the chain has\n"
		"  -a       how many blocks have data\n"
		"  -S       MiB that \"resize -f\" can grow the disk to\n"
		"  -u       with -p, the parent's name as it is stored; nobody looks\n"
		"           for it\n"
		"  -b       go by the copy of the footer\n",
	.help_status = 0,
	.run = run,
};
