/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each step that can fail has a line of its own, so the files are looked at here
 * first, one by one.
 */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "classic/new_image.h"
#include "sigint.h"

enum { THREADS = 2 };

struct args {
	const char *name;
	const char *out, *ancestor, *parent;
	const char *named;		/* the parent, behind -p */
	bool sparse;
	bool progress;
	unsigned int drawn;		/* hundredths of a per cent, plus 1 */
};

static void draw(struct args *a, uint64_t done, uint64_t total)
{
	double part = total ? (double)done / (double)total : 1;
	unsigned int now = (unsigned int)(part * 10000);

	if (a->drawn == now + 1)
		return;
	printf("\r%6.2f%%", now / 100.0);
	fflush(stdout);
	a->drawn = now + 1;
}

static bool step(void *arg, uint64_t done, uint64_t total)
{
	struct args *a = arg;

	if (a->progress)
		draw(a, done, total);
	return !sigint_seen();
}

static int report(struct args *a, uint64_t sectors, const struct vhd_error *err)
{
	if (!err && a->progress)
		draw(a, 1, 1);
	if (a->drawn)
		printf("\n");
	if (err)
		return classic_status(err);
	printf("Coalesced %" PRIu64 " sectors", sectors);
	return 0;
}

/* Unlike readers, a coalesce refuses an image in the middle of a resize. */
static struct vhd_open_opts open_opts(const struct vhd_open_opts *like)
{
	struct vhd_open_opts open = *like;

	open.flags &= ~(uint32_t)VHD_OPEN_POISONED;
	return open;
}

/* Nothing is changed in a file that is only opened. */
static int try_into(const char *name, enum vhd_format format)
{
	struct vhd_open_opts open = open_opts(&classic_alone_opts);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;

	open.flags |= VHD_OPEN_RDWR | VHD_OPEN_EXACT;
	open.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	open.format = format;
	if (format != VHD_FORMAT_VHD)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	if (vhd_open(name, &open, &img, &err))
		return classic_open_error(name, &err);
	vhd_close(&img, NULL);
	return 0;
}

static int look_at_child(const char *name, bool *raw_out)
{
	struct vhd_open_opts open = open_opts(&classic_alone_opts);
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	int rc = vhd_open(name, &open, &img, &err);

	if (!rc)
		rc = vhd_layer_info(img, 0, &info, &err);
	vhd_close(&img, NULL);
	if (rc)
		return classic_open_error(name, &err);
	if (info.type != VHD_TYPE_DIFF) {
		printf("coalescing of non-differencing disks is not "
		       "supported\n");
		return EINVAL;
	}
	*raw_out = info.raw_parent;
	return 0;
}

/* *@into_out is the name of the file to write to, perhaps @buf. */
static int find_into(const struct args *a, char *buf, size_t room,
		     const char **into_out)
{
	struct vhd_error err = { .code = VHD_OK };
	int status;

	*into_out = a->parent ? a->parent : a->ancestor;
	if (*into_out)
		return 0;
	*into_out = buf;
	if (!vhd_xen_parent(a->name, buf, room, NULL, &err))
		return 0;
	status = classic_status(&err);
	printf("error finding %s parent: %d\n", a->name, -status);
	return status;
}

static int into_parent(struct args *a)
{
	struct vhd_open_opts open = open_opts(&classic_open_opts);
	struct vhd_xen_coalesce_opts opts = VHD_XEN_COALESCE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	char buf[PATH_MAX];
	uint64_t sectors;
	bool raw = false;
	int status = look_at_child(a->name, &raw);

	if (!status)
		status = find_into(a, buf, sizeof(buf), &opts.into);
	if (!status && a->sparse && !raw)
		printf("opening for sparse writes\n");
	if (!status)
		status = try_into(opts.into, a->ancestor ? VHD_FORMAT_AUTO :
					     raw ? VHD_FORMAT_RAW
						 : VHD_FORMAT_VHD);
	if (status)
		return status;
	opts.flags = (a->ancestor ? VHD_XEN_ANCESTOR : 0) |
		     (a->sparse ? VHD_XEN_UNZEROED : 0);
	opts.open = &open;
	opts.progress = step;
	opts.progress_arg = a;
	opts.threads = THREADS;
	if (vhd_xen_coalesce(a->name, &opts, &sectors, &err))
		return report(a, 0, &err);
	return report(a, sectors, NULL);
}

/* In a folder that is closed, or not there, nothing can be made. */
static int not_new(struct args *a, const struct vhd_error *err)
{
	if (new_image_no_file(err))
		printf("error creating %s: %d\n", a->out,
		       -classic_status(err));
	return report(a, 0, err);
}

static int into_new(struct args *a)
{
	struct vhd_open_opts open = open_opts(&classic_open_opts);
	struct vhd_xen_coalesce_opts opts = VHD_XEN_COALESCE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	uint64_t sectors;
	struct stat st;

	if (!lstat(a->out, &st)) {
		printf("%s already exists\n", a->out);
		return EEXIST;
	}
	if (vhd_open(a->name, &open, &img, &err))
		return classic_open_error(a->name, &err);
	vhd_close(&img, NULL);
	opts.flags = VHD_XEN_NEW;
	opts.into = a->out;
	opts.open = &open;
	opts.progress = step;
	opts.progress_arg = a;
	opts.threads = THREADS;
	if (vhd_xen_coalesce(a->name, &opts, &sectors, &err))
		return not_new(a, &err);
	return report(a, sectors, NULL);
}

/*
 * A word behind -p is the parent, as CloudStack's programs have it: there, the -p
 * stands for -x and shows nothing.  Elsewhere a word has always been wrong use.
 */
static bool take_word(struct args *a, int behind)
{
	if (behind != 'p' || a->named)
		return false;
	a->named = optarg;
	return true;
}

static bool parse(struct args *a, int argc, char **argv, bool *help_out)
{
	int opt, last = 0;

	/* The dash in front: words are returned where they stand, as 1. */
	for (; (opt = getopt(argc, argv, "-n:o:a:x:sph")) != -1; last = opt) {
		switch (opt) {
		case 1:
			if (!take_word(a, last))
				return false;
			break;
		case 'n': a->name = optarg; break;
		case 'o': a->out = optarg; break;
		case 'a': a->ancestor = optarg; break;
		case 'x': a->parent = optarg; break;
		case 's': a->sparse = true; break;
		case 'p': a->progress = true; break;
		case 'h': *help_out = true; return true;
		default: return false;
		}
	}
	if (!a->name || !classic_no_operands(argc) ||
	    !!a->out + !!a->ancestor + !!a->parent + !!a->named > 1)
		return false;
	if (a->named) {
		a->parent = a->named;
		a->progress = false;
	}
	return true;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct args a = { 0 };
	bool help = false;
	int status;

	if (!parse(&a, argc, argv, &help))
		return classic_usage(verb);
	if (help)
		return classic_help(verb);
	sigint_catch();
	status = a.out ? into_new(&a) : into_parent(&a);
	if (status)
		printf("error coalescing: %d\n", -status);
	return status;
}

const struct classic_verb classic_coalesce = {
	.name = "coalesce",
	.usage = "-n NAME [-s] [-p] [-o OUTPUT | -a ANCESTOR | -x PARENT | -p PARENT]",
	.options = "  -n NAME      the image whose sectors are written into its parent\n"
		"  -s           do not write zeros into new blocks first\n"
		"  -p           show progress\n"
		"  -o OUTPUT    write the whole chain into a new image instead\n"
		"  -a ANCESTOR  write into this one of the images below it\n"
		"  -x PARENT    write into this image, whatever the recorded parent is\n"
		"  -p PARENT    the same, as CloudStack's programs have it\n",
	.help_status = EINVAL,
	.run = run,
};
