/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "map.h"
#include "common/size.h"
#include "common/text.h"

enum {
	OPT_JSON = 1, OPT_LAYERS, OPT_PICTURE, OPT_EXTENTS, OPT_START,
	OPT_LENGTH
};

static const struct poptOption map_opts[] = {
	CLI_OPT("extents", OPT_EXTENTS,
		"List the extents (the default unless on a terminal)"),
	CLI_OPT("picture", OPT_PICTURE,
		"Draw the file and sum up (the default on a terminal)"),
	CLI_OPT("json", OPT_JSON, "Print the extents as JSON"),
	CLI_OPT("layers", OPT_LAYERS,
		"Draw every layer of the chain, not the image alone"),
	CLI_OPT_ARG("start", OPT_START, "First byte of the disk", "SIZE"),
	CLI_OPT_ARG("length", OPT_LENGTH,
		    "Bytes from there on (default: to the end)", "SIZE"),
	CLI_OPT_TABLE(cli_open_opts, "Opening:"),
	CLI_OPT_END
};

struct map_args {
	struct cli_open open;
	bool json;
	bool layers;
	bool picture;
	bool extents;
	uint64_t start;
	uint64_t length;
};

static int map_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct map_args *a = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	switch (val) {
	case OPT_JSON:
		a->json = true;
		return CLI_GO;
	case OPT_LAYERS:
		a->layers = true;
		return CLI_GO;
	case OPT_PICTURE:
		a->picture = true;
		return CLI_GO;
	case OPT_EXTENTS:
		a->extents = true;
		return CLI_GO;
	case OPT_START:
		return cli_value_size(cli, "start", text, &a->start);
	default:
		if (cli_value_size(cli, "length", text, &a->length) != CLI_GO)
			return CLI_USAGE;
		if (a->length == 0)
			return cli_usage(cli, "--length: there is nothing to "
					 "show of 0 bytes");
		return CLI_GO;
	}
}

static bool print_extent(void *arg, const struct vhd_extent *ext)
{
	char size[SIZE_TEXT], place[32] = "-", layer[16] = "-";

	(void)arg;
	if (ext->file_off != VHD_NO_OFFSET)
		snprintf(place, sizeof(place), "0x%" PRIx64, ext->file_off);
	if (!(ext->flags & VHD_EXTENT_UNMAPPED))
		snprintf(layer, sizeof(layer), "%" PRIu32, ext->layer);
	printf("0x%-16" PRIx64 " %16s  %-4s %-9s %5s  %s\n", ext->off,
	       size_format(ext->len, size),
	       ext->kind == VHD_EXTENT_DATA ? "data" : "zero",
	       ext->flags & VHD_EXTENT_ALLOCATED ? "allocated" : "-", layer,
	       place);
	return !ferror(stdout);
}

static bool json_extent(void *arg, const struct vhd_extent *ext)
{
	json_t *o = json_object();
	bool data = ext->kind == VHD_EXTENT_DATA;

	json_put(o, "start", json_u64(ext->off));
	json_put(o, "length", json_u64(ext->len));
	json_put(o, "kind", json_string(data ? "data" : "zero"));
	json_put(o, "data", json_boolean(data));
	json_put(o, "zero", json_boolean(!data));
	json_put(o, "allocated",
		 json_boolean((ext->flags & VHD_EXTENT_ALLOCATED) != 0));
	json_put(o, "mapped",
		 json_boolean((ext->flags & VHD_EXTENT_UNMAPPED) == 0));
	json_put(o, "layer", json_u64(ext->layer));
	json_put(o, "offset", json_u64(ext->file_off));
	json_value(arg, o);
	return !ferror(stdout);
}

static int list_extents(struct vhd_image *img, const struct map_args *a,
			struct vhd_error *err)
{
	printf("%-18s %16s  %-4s %-9s %5s  %s\n", "guest offset", "length",
	       "kind", "space", "layer", "file offset");
	return map_walk(img, a->start, a->length, print_extent, NULL, err);
}

/* A map that could not be finished is no JSON, so that nobody trusts it. */
static int list_json(struct vhd_image *img, const struct map_args *a,
		     struct vhd_error *err)
{
	struct json_writer w;
	int rc;

	json_begin(&w, stdout);
	json_open(&w, '[');
	rc = map_walk(img, a->start, a->length, json_extent, &w, err);
	if (rc != 0)
		return rc;
	json_close(&w, ']');
	json_end(&w);
	return 0;
}

/**
 * struct sums - what the extents add up to
 *
 * @layer: bytes of data that each layer provides
 */
struct sums {
	uint64_t data, zero, unmapped, extents;
	uint64_t *layer;
	uint32_t layers;
};

static bool sum_extent(void *arg, const struct vhd_extent *ext)
{
	struct sums *s = arg;

	s->extents++;
	if (ext->kind == VHD_EXTENT_DATA) {
		s->data += ext->len;
		if (ext->layer < s->layers)
			s->layer[ext->layer] += ext->len;
	} else if (ext->flags & VHD_EXTENT_UNMAPPED) {
		s->unmapped += ext->len;
	} else {
		s->zero += ext->len;
	}
	return true;
}

static void print_sum(const char *what, uint64_t bytes, uint64_t of)
{
	char size[SIZE_TEXT];

	if (bytes > 0)
		printf("  %-15s %s (%.1f %%)\n", what, size_human(bytes, size),
		       100.0 * (double)bytes / (double)of);
}

static void print_sums(struct vhd_image *img, const struct map_args *a,
		       const struct sums *s)
{
	char size[SIZE_TEXT];

	text_put(stdout, vhd_layer_path(img, 0));
	printf(": %s of the disk, %" PRIu64 " extent%s\n",
	       size_format(a->length, size), s->extents,
	       s->extents == 1 ? "" : "s");
	print_sum("data", s->data, a->length);
	print_sum("zeros", s->zero, a->length);
	print_sum("never written", s->unmapped, a->length);
	for (uint32_t i = 0; s->layers > 1 && i < s->layers; i++) {
		if (s->layer[i] == 0)
			continue;
		printf("  layer %-9" PRIu32 " %s of data, ", i,
		       size_human(s->layer[i], size));
		text_put(stdout, vhd_layer_path(img, i));
		putchar('\n');
	}
}

static int print_pictures(struct vhd_image *img, const struct map_args *a,
			  struct vhd_error *err)
{
	uint32_t layers = a->layers ? vhd_layers(img) : 1;
	int rc = 0;

	for (uint32_t i = 0; i < layers && rc == 0; i++) {
		putchar('\n');
		if (layers > 1) {
			text_put(stdout, vhd_layer_path(img, i));
			fputs(":\n", stdout);
		}
		rc = map_picture(img, i, err);
	}
	return rc;
}

static int sum_and_draw(struct vhd_image *img, const struct map_args *a,
			struct vhd_error *err)
{
	struct sums s = { .layers = vhd_layers(img) };
	int rc;

	s.layer = calloc(s.layers, sizeof(*s.layer));
	if (s.layer == NULL) {
		*err = (struct vhd_error){ .code = VHD_E_NOMEM,
					   .msg = "out of memory" };
		return VHD_E_NOMEM;
	}
	rc = map_walk(img, a->start, a->length, sum_extent, &s, err);
	if (rc == 0) {
		print_sums(img, a, &s);
		rc = print_pictures(img, a, err);
	}
	free(s.layer);
	return rc;
}

/* Cuts the range to the disk; a start past its end is an error. */
static int fit_range(struct cli *cli, struct map_args *a, uint64_t size)
{
	char start[SIZE_TEXT], disk[SIZE_TEXT];

	if (a->start > size || (a->start == size && size > 0)) {
		fprintf(stderr, "vhd-util map: ");
		text_put(stderr, cli_operand(cli, 0));
		fprintf(stderr, ": %s is past the end of the disk (%s)\n",
			size_format(a->start, start), size_format(size, disk));
		return CLI_FAILED;
	}
	if (a->length == 0 || a->length > size - a->start)
		a->length = size - a->start;
	return CLI_GO;
}

static int show(struct vhd_image *img, const struct map_args *a,
		struct vhd_error *err)
{
	bool draw = a->picture || (isatty(STDOUT_FILENO) == 1 && !a->extents);
	int rc = 0;

	if (a->json)
		return list_json(img, a, err);
	if (draw)
		rc = sum_and_draw(img, a, err);
	if (rc == 0 && (a->extents || !draw))
		rc = list_extents(img, a, err);
	return rc;
}

static int map(struct cli *cli, struct map_args *a)
{
	const char *path = cli_operand(cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	int status;

	if (cli_open_image(&a->open, path, &img, &err) != 0)
		return error_report(cli, &err, path);
	status = fit_range(cli, a, vhd_size(img));
	if (status == CLI_GO) {
		status = CLI_OK;
		if (show(img, a, &err) != 0)
			status = error_report(cli, &err, path);
	}
	if (vhd_close(&img, &err) != 0 && status == CLI_OK)
		status = error_report(cli, &err, path);
	return status;
}

static int map_run(struct cli *cli)
{
	struct map_args a = { .json = false };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, map_option, &a);
	if (status == CLI_GO && a.json && (a.picture || a.extents))
		status = cli_usage(cli, "--json does not go with --picture or "
				   "--extents");
	if (status == CLI_GO)
		status = map(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_map = {
	.name = "map",
	.summary = "show where the bytes of the disk are, and draw the file",
	.usage = "[OPTION]... FILE",
	.description =
"Lists the extents of the disk: runs of bytes that lie together in a file of\n"
"the chain, or that read as zeros. Layer 0 is the image, 1 its parent, and so\n"
"on; \"-\" means that no layer knows anything. On a terminal the extents are\n"
"summed up and the file is drawn instead.\n",
	.example =
"  vhd-util map disk.vhdx\n"
"  vhd-util map --start 1G --length 64M --extents disk.vhdx\n"
"  vhd-util map --json child.avhdx\n",
	.opts = map_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = map_run,
};
