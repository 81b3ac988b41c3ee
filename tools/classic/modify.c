/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Up to three changes of one image: its data forgotten, its end placed, its parent
 * replaced.  Each says for itself what went wrong; the first to fail ends it.
 */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>

#include "classic/test_hooks.h"

struct modify {
	const char *name, *parent, *size;
	bool raw, forget;
	uint64_t end;
};

static int forget(const struct modify *m)
{
	struct vhd_error err;
	int status;

	if (!vhd_xen_forget(m->name, &classic_change_opts, &err))
		return 0;
	status = classic_status(&err);
	printf("failed to zero VHD: %d\n", -status);
	return status;
}

static int set_end(const struct modify *m)
{
	struct vhd_error err;
	int status;

	if (!vhd_xen_set_end(m->name, m->end, &classic_change_opts, &err))
		return 0;
	status = classic_status(&err);
	printf("failed to set physical size to %" PRIu64 ": %d\n", m->end,
	       -status);
	return status;
}

static int link_to(const struct modify *m)
{
	struct vhd_xen_link_opts opts = VHD_XEN_LINK_OPTS_INIT;
	struct vhd_error err;
	int status;

	opts.flags = m->raw ? VHD_XEN_LINK_RAW : 0;
	opts.open = &classic_change_opts;
	opts.step = classic_test_hook;
	if (!vhd_xen_link(m->name, m->parent, &opts, &err))
		return 0;
	/* It has been said. */
	if (err.code == VHD_E_CANCELLED)
		return EINVAL;
	status = classic_status(&err);
	printf("failed to set parent to '%s': %d\n", m->parent, -status);
	return status;
}

static int modify(const struct modify *m)
{
	int status = classic_may_write(m->name);

	if (!status && m->forget)
		status = forget(m);
	if (!status && m->size)
		status = set_end(m);
	if (!status && m->parent)
		status = link_to(m);
	return status;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct modify m = { NULL };
	int c;

	while ((c = getopt(argc, argv, "n:p:ms:zh")) != -1) {
		switch (c) {
		case 'n': m.name = optarg; break;
		case 'p': m.parent = optarg; break;
		case 'm': m.raw = true; break;
		case 's': m.size = optarg; break;
		case 'z': m.forget = true; break;
		case 'h': return classic_help(verb);
		default: return classic_usage(verb);
		}
	}
	if (!m.name || !classic_no_operands(argc))
		return classic_usage(verb);
	if (m.size && !classic_number(m.size, INT64_MAX, &m.end)) {
		printf("invalid size %s\n", m.size);
		return EINVAL;
	}
	return modify(&m);
}

const struct classic_verb classic_modify = {
	.name = "modify",
	.usage = "-n NAME [-p PARENT [-m]] [-s BYTES] [-z]",
	.options = "  -n NAME    the image\n"
		"  -p PARENT  make this its parent; nothing is copied\n"
		"  -m         that parent is a raw disk\n"
		"  -s BYTES   put the footer where a file or device of that size ends\n"
		"  -z         forget all data; the parent stays\n",
	.help_status = 22,
	.run = run,
};
