/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "classic/classic.h"
#include "classic/new_image.h"

struct wish {
	const char *name;
	const char *parent;
	const char *room;
	const char *depth;	/* the most that is allowed */
	uint32_t flags;
};

/* How many layers there are from @base down; the exit status. */
static int depth_of(const char *base, uint32_t *depth_out)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;

	if (vhd_open(base, &classic_open_opts, &img, &err)) {
		int status = classic_status(&err);

		printf("error checking snapshot depth: %d\n", -status);
		return status;
	}
	*depth_out = vhd_layers(img);
	vhd_close(&img, NULL);
	return 0;
}

/* The file that will be the parent; false: @status_out says why there is none. */
static bool find_base(const struct wish *w, char base[PATH_MAX], bool *raw_out,
		      int *status_out)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;
	int rc;

	if (w->flags & VHD_XEN_KEEP_EMPTY) {
		rc = vhd_open(w->parent, &classic_alone_opts, &img, &err);
		snprintf(base, PATH_MAX, "%s", w->parent);
		vhd_close(&img, NULL);
	} else {
		rc = vhd_xen_base(w->parent, base, PATH_MAX, raw_out, &err);
	}
	*status_out = rc ? classic_status(&err) : 0;
	return !rc;
}

/* Whether the chain may become longer; the exit status. */
static int check_depth(const struct wish *w)
{
	char base[PATH_MAX];
	uint32_t depth = 0;
	uint64_t most;
	bool raw = w->flags & VHD_XEN_RAW_PARENT;
	int status;

	if (!w->depth || raw)
		return 0;
	if (!classic_number(w->depth, UINT32_MAX, &most)) {
		printf("Error: %s is no number of images\n", w->depth);
		return EINVAL;
	}
	/* 0 has always meant that there is no limit. */
	if (!most)
		return 0;
	if (!find_base(w, base, &raw, &status) || raw)
		return status;
	status = depth_of(base, &depth);
	if (status || depth + UINT64_C(1) <= most)
		return status;
	printf("snapshot depth exceeded: current depth: %u, limit: %llu\n",
	       (unsigned int)depth, (unsigned long long)most);
	return ENOSPC;
}

static int make(const struct wish *w)
{
	struct vhd_xen_snapshot_opts opts = VHD_XEN_SNAPSHOT_OPTS_INIT;
	struct vhd_error err;
	uint64_t room = 0;
	int status = check_depth(w);

	if (status)
		return status;
	opts.flags = w->flags;
	if (w->room && !new_image_mib(w->room, &room)) {
		printf("Error: %s is no size; there can be room for 1 to %d "
		       "MiB\n", w->room, NEW_IMAGE_MIB);
		return EINVAL;
	}
	opts.room_size = new_image_bytes(room);
	if (vhd_xen_snapshot(w->name, w->parent, &opts, &err))
		return new_image_failed(w->name, &err);
	return 0;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct wish w = { 0 };
	int c;

	while ((c = getopt(argc, argv, "n:p:S:l:meh")) != -1) {
		switch (c) {
		case 'n':
			w.name = optarg;
			break;
		case 'p':
			w.parent = optarg;
			break;
		case 'S':
			w.room = optarg;
			break;
		case 'l':
			w.depth = optarg;
			break;
		case 'm':
			w.flags |= VHD_XEN_RAW_PARENT;
			break;
		case 'e':
			w.flags |= VHD_XEN_KEEP_EMPTY;
			break;
		case 'h':
			return classic_help(verb);
		default:
			return classic_usage(verb);
		}
	}
	if (!w.name || !w.parent || !classic_no_operands(argc))
		return classic_usage(verb);
	return make(&w);
}

const struct classic_verb classic_snapshot = {
	.name = "snapshot",
	.usage = "-n NAME -p PARENT [-l DEPTH] [-m] [-e] [-S MIB]",
	.options = "  -n NAME    the image to make; an old one is replaced\n"
		"  -p PARENT  its parent; where that one has no data, its own parent\n"
		"  -l DEPTH   refuse when the chain would have more images; 0: never\n"
		"  -m         the parent is a raw disk\n"
		"  -e         keep a parent that has no data\n"
		"  -S MIB     room for the tables of a disk of that size\n",
	.help_status = 0,
	.run = run,
};
