/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients read the status; one also reads the first line, and wants "invalid" in
 * it and whether it was a footer or a header.  People get the headers as well.
 */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "classic/check_chain.h"
#include "classic/headers_text.h"

struct options {
	const char *name;
	uint32_t flags;			/* VHD_XEN_CHECK_* */
	bool parents;
	bool stats;
};

static void dump(const char *name)
{
	struct vhd_xen_headers h = { .size = sizeof(h) };

	printf("%s appears invalid; dumping metadata\n", name);
	if (vhd_xen_headers(name, 0, 0, 0, &h, NULL) == 0)
		headers_text(stdout, &h, false);
}

/* The first line, and all that follows; the status. */
static int complain(const char *name, const struct vhd_error *err)
{
	int status = classic_status(err);

	/* The image was not looked at: the system said no. */
	if (!err->rule && err->os_errno) {
		printf("error opening %s: %d\n", name, -status);
		return status;
	}
	headers_name(stdout, err->msg);
	putchar('\n');
	dump(name);
	return status;
}

static int check_kind(const char *name)
{
	struct stat st;

	if (stat(name, &st) != 0) {
		int status = errno;

		printf("cannot stat %s: %d\n", name, status);
		return status;
	}
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return 0;
	printf("%s is not a regular file or block device\n", name);
	return EINVAL;
}

static void put_share(const char *what, uint64_t part, uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0.0;

	printf(" secs %s: 0x%" PRIx64 " (%.2f%%)", what, part, percent);
}

/* @layer of the chain; what is below it counts when it was looked at, too. */
static int put_stats(const char *name, struct vhd_image *chain, uint32_t layer,
		     bool below)
{
	struct vhd_xen_sectors s = { .size = sizeof(s) };
	const char *slash = strrchr(name, '/');
	struct vhd_error err;

	if (vhd_xen_sectors(chain, layer, below ? 0 : VHD_XEN_SECTORS_ALONE, &s,
			    &err))
		return classic_open_error(name, &err);
	printf("%s: secs allocated: 0x%" PRIx64, slash ? slash + 1 : name,
	       s.allocated);
	put_share("written", s.written, s.allocated);
	if (below) {
		put_share("not in parent", s.not_in_parent, s.written);
		put_share("not in ancestors", s.not_in_ancestors, s.written);
	}
	putchar('\n');
	return 0;
}

/* Of the first @sound ones, from the bottom up. */
static int put_all_stats(const struct options *o,
			 const struct check_chain *chain, uint32_t sound)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;
	int status = 0;

	if (!sound)
		return 0;
	if (vhd_open(o->name, &classic_open_opts, &img, &err))
		return classic_open_error(o->name, &err);
	for (uint32_t i = sound; !status && i-- > 0;)
		status = put_stats(i ? chain->name[i - 1] : o->name, img, i,
				   i + 1 < sound);
	vhd_close(&img, NULL);
	return status;
}

static int check_one(const struct options *o, const char *name)
{
	struct vhd_error err;
	int status = check_kind(name);

	if (status)
		return status;
	if (vhd_xen_check(name, o->flags, &err))
		return complain(name, &err);
	if (!o->stats)
		printf("%s is valid\n", name);
	return 0;
}

/* A chain without an end has no first image to begin with. */
static int endless(const struct options *o, const struct check_chain *chain)
{
	printf("invalid parent %s: the chain comes back to it, or has more than "
	       "%d images\n", chain->name[chain->count - 1], CHECK_CHAIN_MAX);
	dump(o->name);
	printf("error checking parents: %d\n", -EINVAL);
	return EINVAL;
}

/* *@sound_out: how many have no fault, from the first one on. */
static int check_each(const struct options *o, const struct check_chain *chain,
		      uint32_t *sound_out)
{
	int status = check_one(o, o->name);

	if (status)
		return status;
	for (uint32_t i = 0; i < chain->count; i++) {
		*sound_out = i + 1;
		status = check_one(o, chain->name[i]);
		if (!status)
			continue;
		printf("error checking parents: %d\n", -status);
		return status;
	}
	*sound_out = chain->count + 1;
	return 0;
}

static int check_all(const struct options *o)
{
	struct check_chain chain = { 0 };
	uint32_t sound = 0;
	int status, status2 = 0;

	if (o->parents && !check_chain_find(&chain, o->name))
		status = endless(o, &chain);
	else
		status = check_each(o, &chain, &sound);
	if (o->stats)
		status2 = put_all_stats(o, &chain, sound);
	check_chain_free(&chain);
	return status ? status : status2;
}

static bool take(struct options *o, int opt)
{
	switch (opt) {
	case 'n':
		o->name = optarg;
		return true;
	case 'i':
		o->flags |= VHD_XEN_CHECK_USE_COPY;
		return true;
	case 'I':
		o->flags |= VHD_XEN_CHECK_IGNORE_PARENT_ID;
		return true;
	case 't':
		o->flags |= VHD_XEN_CHECK_IGNORE_TIMES;
		return true;
	case 'b':
		o->flags |= VHD_XEN_CHECK_DATA;
		return true;
	case 'B':
		o->flags |= VHD_XEN_CHECK_NO_OVERLAP;
		return true;
	case 'p':
		o->parents = true;
		return true;
	case 's':
		o->stats = true;
		return true;
	default:
		return false;
	}
}

/* What lies over each other cannot be counted, or looked into. */
static bool sane(const struct options *o)
{
	return o->name && (!(o->flags & VHD_XEN_CHECK_NO_OVERLAP) ||
			   (!(o->flags & VHD_XEN_CHECK_DATA) && !o->stats));
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct options o = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "n:iItpbBsh")) != -1) {
		if (opt == 'h')
			return classic_help(verb);
		if (!take(&o, opt))
			return classic_usage(verb);
	}
	if (!sane(&o) || !classic_no_operands(argc))
		return classic_usage(verb);
	return check_all(&o);
}

const struct classic_verb classic_check = {
	.name = "check",
	.usage = "-n NAME [-i] [-I] [-t] [-p] [-b] [-B] [-s]",
	.options = "  -n NAME  the image\n"
		"  -i       where the footer at the end is bad or another, go by the\n"
		"           copy\n"
		"  -I       do not compare the child's record of its parent's id\n"
		"  -t       times in the future are no fault\n"
		"  -p       check its parents, too\n"
		"  -b       also look for data where a bitmap says that there is none\n"
		"  -B       do not look for blocks that lie over each other\n"
		"  -s       count sectors instead of saying that it is valid\n",
	.help_status = 0,
	.run = run,
};
