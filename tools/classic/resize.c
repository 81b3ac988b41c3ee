/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resize: a larger disk, within the room of its table (-f) or with a journal (-j).
 *
 * What is said about a size, and in which words, depends on the size the disk has
 * now, so the image is looked at before the library is asked.
 */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "classic/test_hooks.h"

enum { BLOCK = 2 << 20 };

enum stage { BEFORE, JOURNAL, BEGUN, STOPPED };

struct resize {
	const char *name;
	const char *journal;
	bool fast;
	uint64_t size;		/* bytes */
	enum stage stage;
};

/* True: @status_out is all there is to say, and has been said. */
static bool settled(const struct resize *r, const struct vhd_info *info,
		    int *status_out)
{
	uint64_t size = (r->size + BLOCK - 1) / BLOCK * BLOCK;

	*status_out = EINVAL;
	if (strncmp(info->vhd.creator_app, "tap", 3) != 0) {
		printf("%s not created by xen; resize not supported\n",
		       r->name);
		return true;
	}
	if (info->type == VHD_TYPE_FIXED) {
		printf("%s: fixed disk; resize not supported\n", r->name);
		return true;
	}
	if (size < info->virtual_size && r->fast) {
		printf("%s: size (%" PRIu64 ") < curr size (%" PRIu64 ")\n",
		       r->name, size, info->virtual_size);
		return true;
	}
	if (size < info->virtual_size) {
		printf("dynamic shrink not fully implemented\n"
		       "resize failed: %d\n", -ENOSYS);
		*status_out = ENOSYS;
		return true;
	}
	*status_out = 0;
	return size == info->virtual_size;
}

static bool on_stage(void *arg, const char *stage)
{
	struct resize *r = arg;

	if (strcmp(stage, "JOURNAL") == 0) {
		r->stage = JOURNAL;
		return true;
	}
	r->stage = BEGUN;
	if (classic_test_hook(NULL, stage))
		return true;
	r->stage = STOPPED;
	return false;
}

static int say(const struct resize *r, const struct vhd_error *err)
{
	int status = classic_status(err);

	if (r->stage == STOPPED)
		return EINVAL;
	if (err->code == VHD_E_BUSY ||
	    (r->stage == BEFORE && err->code == VHD_E_IO &&
	     err->os_errno != EIO))
		return classic_open_error(r->name, err);
	if (r->stage == JOURNAL)
		printf("creating journal failed: %d\n", -status);
	else if (!r->fast || status != EINVAL)
		printf("resize failed: %d\n", -status);
	return status;
}

static int do_resize(struct resize *r)
{
	struct vhd_xen_resize_opts opts = VHD_XEN_RESIZE_OPTS_INIT;
	struct vhd_open_opts look = classic_alone_opts;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	struct vhd_error err;
	int status;

	/* What somebody is at work on is not looked into. */
	look.flags &= ~(uint32_t)VHD_OPEN_POISONED;
	if (vhd_open(r->name, &look, &img, &err))
		return classic_open_error(r->name, &err);
	if (vhd_layer_info(img, 0, &info, &err)) {
		vhd_close(&img, NULL);
		return classic_open_error(r->name, &err);
	}
	vhd_close(&img, NULL);
	if (settled(r, &info, &status))
		return status;
	opts.journal = r->journal;
	opts.step = on_stage;
	opts.step_arg = r;
	return vhd_xen_resize(r->name, r->size, &opts, &err) ? say(r, &err)
							     : 0;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	const uint64_t most = (UINT64_MAX >> 20) / 2;
	struct resize r = { 0 };
	bool sized = false;
	uint64_t mib = 0;
	int c;

	while ((c = getopt(argc, argv, "n:s:j:fh")) != -1) {
		switch (c) {
		case 'n':
			r.name = optarg;
			break;
		case 's':
			if (!classic_number(optarg, most, &mib))
				return classic_usage(verb);
			sized = true;
			break;
		case 'j':
			r.journal = optarg;
			break;
		case 'f':
			r.fast = true;
			break;
		case 'h':
			return classic_help(verb);
		default:
			return classic_usage(verb);
		}
	}
	if (!r.name || !sized || r.fast == !!r.journal ||
	    !classic_no_operands(argc))
		return classic_usage(verb);
	r.size = mib << 20;
	return do_resize(&r);
}

const struct classic_verb classic_resize = {
	.name = "resize",
	.usage = "-n NAME -s MIB (-j JOURNAL | -f)",
	.options = "  -n NAME     the image\n"
		"  -s MIB      the new size of the disk, rounded up to 2 MiB\n"
		"  -j JOURNAL  move blocks where the tables need room; the journal, a\n"
		"              new file or a device, is for \"revert\" should it be\n"
		"              interrupted\n"
		"  -f          within the room that \"create -S\" has left\n",
	.help_status = 22,
	.run = run,
};
