/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversions of a tool that image builders know: they run it under "set -e",
 * let it work in place, and remove the copy that it keeps as IN.bak.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "classic/classic.h"
#include "dirsync.h"

enum { RAW, FIXED, DYNAMIC, TYPES = 4, FAILED = 1 };

#define BLOCK (UINT64_C(2) << 20)

struct wish {
	const char *in;
	const char *out;
	int from;
	int to;
};

static int failed(const char *name, const struct vhd_error *err)
{
	printf("error converting %s: %d (%s)\n", name, -classic_status(err),
	       err->msg);
	return FAILED;
}

static int cannot_rename(const char *from, const char *to)
{
	printf("error renaming %s to %s: %d\n", from, to, -errno);
	return FAILED;
}

/* A footer comes or goes, and the file with it. */
static int in_place(const struct wish *w)
{
	bool wrap = w->to == FIXED;
	struct vhd_error err;
	int status;

	if (wrap ? vhd_xen_wrap(w->in, &err) : vhd_xen_unwrap(w->in, &err))
		return failed(w->in, &err);
	if (strcmp(w->in, w->out) == 0)
		return 0;
	if (rename(w->in, w->out) == 0) {
		status = dirsync_name(w->out) ?
			 cannot_rename(w->in, w->out) : 0;
		/* In another folder the old name may come back. */
		dirsync_name(w->in);
		return status;
	}
	status = cannot_rename(w->in, w->out);
	if (wrap)
		vhd_xen_unwrap(w->in, NULL);
	else
		vhd_xen_wrap(w->in, NULL);
	return status;
}

static int check_type(struct vhd_image *src, enum vhd_type want,
		      struct vhd_info *info, struct vhd_error *err)
{
	if (vhd_layer_info(src, 0, info, err))
		return -1;
	if (info->type == want)
		return 0;
	*err = (struct vhd_error){ .code = VHD_E_INVAL };
	snprintf(err->msg, sizeof(err->msg), "it is a %s image and no %s one",
		 vhd_type_name(info->type), vhd_type_name(want));
	return -1;
}

static int write_out(const struct wish *w, struct vhd_image *src,
		     const struct vhd_info *info, struct vhd_error *err)
{
	struct vhd_convert_opts opts = VHD_CONVERT_OPTS_INIT;

	opts.create.flags = VHD_CREATE_FORCE | VHD_CREATE_ORPHAN |
			    VHD_CREATE_EXACT_SIZE;
	opts.create.format = VHD_FORMAT_VHD;
	opts.create.target = VHD_TARGET_XEN;
	opts.create.type = w->to == DYNAMIC ? VHD_TYPE_DYNAMIC : VHD_TYPE_FIXED;
	opts.create.virtual_size = (info->virtual_size + BLOCK - 1) / BLOCK *
				   BLOCK;
	return vhd_convert(src, w->out, &opts, NULL, err);
}

static int copy_to(const struct wish *w, const char *from,
		   struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *src = NULL;
	int rc = vhd_open(from, &classic_alone_opts, &src, err);

	if (!rc)
		rc = check_type(src, w->from == FIXED ? VHD_TYPE_FIXED
						      : VHD_TYPE_DYNAMIC,
				&info, err);
	if (!rc)
		rc = write_out(w, src, &info, err);
	vhd_close(&src, NULL);
	return rc;
}

static int with_backup(const struct wish *w)
{
	char bak[PATH_MAX];
	struct vhd_error err;

	if (snprintf(bak, sizeof(bak), "%s.bak", w->in) >= (int)sizeof(bak)) {
		errno = ENAMETOOLONG;
		return cannot_rename(w->in, "a longer name");
	}
	if (rename(w->in, bak))
		return cannot_rename(w->in, bak);
	if (!copy_to(w, bak, &err))
		return 0;
	failed(w->in, &err);
	if (rename(bak, w->in))
		cannot_rename(bak, w->in);
	return FAILED;
}

static int convert(const struct wish *w)
{
	if ((w->from == RAW && w->to == FIXED) ||
	    (w->from == FIXED && w->to == RAW))
		return in_place(w);
	if ((w->from == FIXED && w->to == DYNAMIC) ||
	    (w->from == DYNAMIC && w->to == FIXED))
		return with_backup(w);
	/* No failure: the clients count on that. */
	printf("no conversion from type %d to type %d; nothing was done\n",
	       w->from, w->to);
	return 0;
}

static bool take_type(const char *text, int *out)
{
	uint64_t type;

	if (!classic_number(text, TYPES - 1, &type))
		return false;
	*out = (int)type;
	return true;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct wish w = { .from = -1, .to = -1 };
	bool ok = true;
	int c;

	while ((c = getopt(argc, argv, "i:o:s:t:h")) != -1) {
		switch (c) {
		case 'i':
			w.in = optarg;
			break;
		case 'o':
			w.out = optarg;
			break;
		case 's':
			ok &= take_type(optarg, &w.from);
			break;
		case 't':
			ok &= take_type(optarg, &w.to);
			break;
		case 'h':
			return classic_help(verb);
		default:
			ok = false;
			break;
		}
	}
	if (!ok || !w.in || !w.out || w.from < 0 || w.to < 0 ||
	    !classic_no_operands(argc))
		return classic_usage(verb);
	return convert(&w);
}

const struct classic_verb classic_convert = {
	.name = "convert",
	.usage = "-i IN -o OUT -s TYPE -t TYPE",
	.options = "  -i IN    the file to read\n"
		"  -o OUT   the file to write\n"
		"  -s TYPE  what IN is: 0 raw, 1 fixed, 2 dynamic\n"
		"  -t TYPE  what OUT is to be; 0 to 1 and back happens in place, and\n"
		"           1 to 2 and back leaves IN as IN.bak\n",
	.help_status = 1,
	.run = run,
};
