/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>

#include "classic/classic.h"

enum { SECTOR = 512 };

struct wish {
	const char *name;
	const char *from;	/* the first and the last sector */
	const char *to;
	bool some, far;
};

/* Guests may not write to it meanwhile, so it is locked. */
static const struct vhd_open_opts how = {
	.size = sizeof(how),
	.flags = VHD_OPEN_ANY_PARENT_DIR | VHD_OPEN_IGNORE_PARENT_ID |
		 VHD_OPEN_DEVICES | VHD_OPEN_XEN_PARENT,
	.format = VHD_FORMAT_VHD,
};

/* The disk's bytes; the exit status. */
static int size_of(const char *name, uint64_t *size_out)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;

	if (vhd_open(name, &classic_alone_opts, &img, &err))
		return classic_open_error(name, &err);
	*size_out = vhd_size(img);
	vhd_close(&img, NULL);
	return 0;
}

static int past_end(uint64_t sector)
{
	printf("sector %llu past end of file\n", (unsigned long long)sector);
	return ERANGE;
}

static int fill(const struct wish *w, uint64_t first, uint64_t last)
{
	struct vhd_error err;
	int status;

	if (!vhd_xen_fill(w->name, first * SECTOR,
			  (last - first + 1) * SECTOR,
			  w->some ? VHD_XEN_FILL_SPARSE : 0, &how, &err))
		return 0;
	status = classic_status(&err);
	printf("error filling %s: %d\n", w->name, -status);
	return status;
}

static int run_wish(const struct wish *w)
{
	uint64_t size, first = 0, last;
	int status = classic_may_write(w->name);

	if (!status)
		status = size_of(w->name, &size);
	if (status)
		return status;
	last = size / SECTOR - 1;
	if ((w->from && !classic_number(w->from, UINT64_MAX, &first)) ||
	    (w->to && !classic_number(w->to, UINT64_MAX, &last)) ||
	    first > last) {
		printf("Error: sectors %s to %s are no range\n",
		       w->from ? w->from : "0", w->to ? w->to : "the last");
		return EINVAL;
	}
	if (last >= size / SECTOR)
		return past_end(last);
	return fill(w, first, last);
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct wish w = { 0 };
	int c;

	while ((c = getopt(argc, argv, "n:bf:t:Bh")) != -1) {
		switch (c) {
		case 'n':
			w.name = optarg;
			break;
		case 'b':
			w.some = true;
			break;
		case 'f':
			w.from = optarg;
			break;
		case 't':
			w.to = optarg;
			break;
		case 'B':
			/* Not to touch the data, which the disk would show. */
			w.far = true;
			break;
		case 'h':
			return classic_help(verb);
		default:
			return classic_usage(verb);
		}
	}
	if (!w.name || (!w.some && (w.from || w.to || w.far)) ||
	    !classic_no_operands(argc))
		return classic_usage(verb);
	return run_wish(&w);
}

const struct classic_verb classic_fill = {
	.name = "fill",
	.usage = "-n NAME [-b [-f SECTOR] [-t SECTOR] [-B]]",
	.options = "  -n NAME    the image all of whose blocks are to be there\n"
		"  -b         only make the blocks, without data\n"
		"  -f SECTOR  from the block of this sector on\n"
		"  -t SECTOR  up to the block of this sector\n"
		"  -B         accepted, and without effect\n",
	.help_status = 22,
	.run = run,
};
