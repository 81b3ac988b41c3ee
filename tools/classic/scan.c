/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "classic/classic.h"
#include "classic/scan.h"

/* All that lasts as long as a scan. */
struct scan {
	struct scan_opts opts;
	struct lvm_group *group;
	struct scan_list list;
	struct scan_image *images;	/* for a tree */
	size_t image_count;
};

static bool keep(struct scan *s, struct scan_image *image)
{
	struct scan_image *images = s->images;
	size_t n = s->image_count;

	/* At 0, 1, 2, 4, 8... there is no room left. */
	if ((n & (n - 1)) == 0)
		images = reallocarray(images, n ? n * 2 : 1, sizeof(*images));
	if (images == NULL)
		return false;
	s->images = images;
	images[s->image_count++] = *image;
	*image = (struct scan_image){ 0 };
	return true;
}

/* Returns 0, or the errno that ends the scan. */
static int look(struct scan *s, size_t at)
{
	/* A copy: the list moves when it grows. */
	struct scan_target target = s->list.targets[at];
	struct scan_image image;
	bool ok;
	int rc;

	scan_look(&s->opts, s->group, &target, &image);
	rc = image.error;
	if (s->opts.keep_on || (image.absent && target.linked))
		rc = 0;
	ok = image.name != NULL;
	if (ok && s->opts.parents && image.error == 0)
		ok = scan_list_link(&s->list, &image, s->group);
	if (ok && s->opts.tree)
		ok = keep(s, &image);
	else if (ok)
		scan_print(&s->opts, &image, false);
	scan_image_free(&image);
	return ok ? rc : ENOMEM;
}

static int look_all(struct scan *s)
{
	int rc = 0;

	if (s->opts.parents && !scan_list_note(&s->list))
		return ENOMEM;
	for (size_t i = 0; !rc && i < s->list.count; i++)
		rc = look(s, i);
	if (s->opts.tree &&
	    !scan_print_tree(&s->opts, s->images, s->image_count))
		return ENOMEM;
	return rc;
}

static int name_targets(struct scan *s, char *const *operands)
{
	int rc;

	if (s->opts.group == NULL)
		return scan_files(&s->opts, operands, &s->list);
	rc = lvm_load(s->opts.group, &s->group);
	if (rc != 0) {
		fprintf(stderr, "lvm_scan_vg failed %d\n", -rc);
		return rc;
	}
	return scan_volumes(&s->opts, operands, s->group, &s->list);
}

static int scan_all(struct scan *s, char *const *operands)
{
	int rc = name_targets(s, operands);

	if (rc != 0 && (s->opts.group == NULL || s->group != NULL))
		fprintf(stderr, "scan failed: %d. Check syslog for details\n",
			-rc);
	return rc ? rc : look_all(s);
}

static void scan_free(struct scan *s)
{
	for (size_t i = 0; i < s->image_count; i++)
		scan_image_free(&s->images[i]);
	free(s->images);
	scan_list_free(&s->list);
	lvm_free(s->group);
}

static void take_option(struct scan_opts *opts, int c)
{
	switch (c) {
	case 'm':
		opts->pattern = optarg;
		break;
	case 'l':
		opts->group = optarg;
		break;
	case 'f':
		opts->fast = true;
		break;
	case 'c':
		opts->keep_on = true;
		break;
	case 'p':
		opts->tree = true;
		break;
	case 'a':
		opts->parents = true;
		break;
	case 'v':
		opts->whole_names = true;
		break;
	default:
		opts->attrs = true;
	}
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct scan s = { 0 };
	int c, rc;

	while ((c = getopt(argc, argv, "m:fcl:pavMh")) != -1) {
		if (c == 'h')
			return classic_help(verb);
		if (c == '?')
			return classic_usage(verb);
		take_option(&s.opts, c);
	}
	if (s.opts.pattern == NULL && s.opts.group == NULL && optind == argc)
		return classic_usage(verb);
	if (s.opts.tree)
		s.opts.fast = false;
	rc = scan_all(&s, argv + optind);
	scan_free(&s);
	return rc;
}

const struct classic_verb classic_scan = {
	.name = "scan",
	.usage = "[-m PATTERN] [-f] [-c] [-l VG] [-p] [-a] [-v] [-M] [FILE]...",
	.options = "  -m PATTERN  the images to list, as a pattern of the shell; with -l, of\n"
		"              volumes\n"
		"  -f          fast: only what the front of each image says\n"
		"  -c          go on after an image that is none, and end with 0\n"
		"  -l VG       volumes of this group, active or not\n"
		"  -p          as a tree\n"
		"  -a          list their parents, too\n"
		"  -v          names with folders\n"
		"  -M          markers and hashes of keys as well\n",
	.help_status = 0,
	.run = run,
};
