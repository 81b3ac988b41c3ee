/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>

#include "classic/classic.h"
#include "classic/new_image.h"

struct wish {
	const char *name;
	const char *size;
	const char *room;
	bool fixed;
};

/* The sizes that were asked for; the exit status. */
static int take_sizes(const struct wish *w, struct vhd_create_opts *create)
{
	uint64_t size, room = 0;

	if (!new_image_mib(w->size, &size)) {
		printf("Error: %s is no size; a disk has 1 to %d MiB\n",
		       w->size, NEW_IMAGE_MIB);
		return EINVAL;
	}
	if (w->room && !new_image_mib(w->room, &room)) {
		printf("Error: %s is no size; there can be room for 1 to %d "
		       "MiB\n", w->room, NEW_IMAGE_MIB);
		return EINVAL;
	}
	if (w->room && room < size) {
		printf("Error: room for %s MiB is too little for a disk of %s "
		       "MiB\n", w->room, w->size);
		return EINVAL;
	}
	create->virtual_size = new_image_bytes(size);
	/* A fixed disk has no metadata that could become longer. */
	if (!w->fixed)
		create->room_size = new_image_bytes(room);
	return 0;
}

static int make(const struct wish *w)
{
	struct vhd_create_opts create = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;
	int status = take_sizes(w, &create);

	if (status)
		return status;
	create.flags = VHD_CREATE_FORCE | VHD_CREATE_ORPHAN |
		       VHD_CREATE_EXACT_SIZE | VHD_CREATE_DEVICE;
	create.format = VHD_FORMAT_VHD;
	create.target = VHD_TARGET_XEN;
	create.type = VHD_TYPE_DYNAMIC;
	if (w->fixed) {
		create.type = VHD_TYPE_FIXED;
		create.flags |= VHD_CREATE_PREALLOCATE;
	}
	if (vhd_create(w->name, &create, &err))
		return new_image_failed(w->name, &err);
	return 0;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct wish w = { 0 };
	int c;

	while ((c = getopt(argc, argv, "n:s:S:rh")) != -1) {
		switch (c) {
		case 'n':
			w.name = optarg;
			break;
		case 's':
			w.size = optarg;
			break;
		case 'S':
			w.room = optarg;
			break;
		case 'r':
			w.fixed = true;
			break;
		case 'h':
			return classic_help(verb);
		default:
			return classic_usage(verb);
		}
	}
	if (!w.name || !w.size || !classic_no_operands(argc))
		return classic_usage(verb);
	return make(&w);
}

const struct classic_verb classic_create = {
	.name = "create",
	.usage = "-n NAME -s MIB [-r] [-S MIB]",
	.options = "  -n NAME  the image to make; an old one is replaced\n"
		"  -s MIB   the size of the disk, rounded up to 2 MiB\n"
		"  -r       a fixed disk, written with zeros\n"
		"  -S MIB   room for the tables of a disk of that size, so that\n"
		"           \"resize -f\" can grow it\n",
	.help_status = 22,
	.run = run,
};
