/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_make.h"
#include "cmds.h"
#include "convert_warn.h"
#include "dest.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "source.h"
#include "common/size.h"
#include "common/text.h"

enum {
	OPT_SOURCE_FORMAT = 1,
	OPT_VHD_SIZE,
	OPT_DISK,
	OPT_ALLOW_BACKING,
	OPT_NO_SPOOL,
	OPT_SYNC,
	OPT_VERIFY,
	OPT_CACHE,
	OPT_NO_SHARE,
	OPT_THREADS,
	OPT_ZERO_SCAN,
	OPT_PRINT_SIZE,
	OPT_COMPRESS,
	OPT_JSON,
	OPT_NO_PROGRESS
};

static const struct poptOption source_opts[] = {
	CLI_OPT_ARG("source-format", OPT_SOURCE_FORMAT,
		    "raw, vhd or vhdx (default: look into the file)",
		    "FORMAT"),
	CLI_OPT_ARG("vhd-size", OPT_VHD_SIZE,
		    "Size of a VHD source: current, chs (as its geometry "
		    "says), or auto (as its maker meant it)", "RULE"),
	CLI_OPT_ARG("disk", OPT_DISK,
		    "Which disk of an archive (OVA): 1, 2, ...", "N"),
	CLI_OPT("allow-backing", OPT_ALLOW_BACKING,
		"An image of another program may name other files that it "
		"reads"),
	CLI_OPT("no-spool", OPT_NO_SPOOL,
		"Fail rather than store a stream that cannot be read in one "
		"pass"),
	CLI_OPT_TABLE(cli_open_opts, NULL),
	POPT_TABLEEND
};

static const struct poptOption work_opts[] = {
	CLI_OPT("sync", OPT_SYNC,
		"Return when all is safe on the disk (with --force that is so "
		"anyway)"),
	CLI_OPT("verify", OPT_VERIFY,
		"Read the new image back and compare"),
	CLI_OPT_ARG("cache", OPT_CACHE,
		    "normal, or none: leave nothing of both files in the "
		    "system's cache", "MODE"),
	CLI_OPT("no-share", OPT_NO_SHARE,
		"Copy even what the file system could share between the files"),
	CLI_OPT_ARG("threads", OPT_THREADS,
		    "How many may work at once (default: what suits both "
		    "sides)", "N"),
	CLI_OPT("zero-scan", OPT_ZERO_SCAN,
		"For a stream, read the source twice, to leave out blocks of "
		"zeros"),
	CLI_OPT("print-size", OPT_PRINT_SIZE,
		"Print how many bytes the stream would have, and write nothing"),
	{ "compress", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL,
	  OPT_COMPRESS, "Pack the target with gzip, level 1 to 9; so are names "
	  "that end in .gz", "LEVEL" },
	POPT_TABLEEND
};

static const struct poptOption convert_opts[] = {
	CLI_OPT_TABLE(cli_make_opts, "The new image:"),
	CLI_OPT_TABLE(source_opts, "The source:"),
	CLI_OPT_TABLE(work_opts, "The work:"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_END
};

static const struct cli_name size_rules[] = {
	{ "current", VHD_SIZE_CURRENT },
	{ "chs", VHD_SIZE_CHS },
	{ "auto", VHD_SIZE_AUTO },
	{ NULL, 0 }
};

static const struct cli_name cache_modes[] = {
	{ "normal", 0 },
	{ "none", VHD_CONVERT_NO_CACHE },
	{ NULL, 0 }
};

struct convert_args {
	struct vhd_convert_opts convert;
	struct cli_open open;
	struct source_how source;
	const char *foreign;		/* format of the target */
	int gzip;
	bool sync;
	bool spool;
	bool print_size;
	bool json;
	bool no_progress;
	bool size_rule_given;
};

static int source_option(struct cli *cli, int val, const char *text,
			 struct convert_args *a)
{
	int value = 0, status = CLI_GO;
	uint64_t n = 0;

	switch (val) {
	case OPT_SOURCE_FORMAT:
		status = cli_value_name(cli, "source-format", text,
					cli_formats, &value);
		a->open.opts.format = (enum vhd_format)value;
		break;
	case OPT_VHD_SIZE:
		status = cli_value_name(cli, "vhd-size", text, size_rules,
					&value);
		a->open.opts.size_rule = (enum vhd_size_rule)value;
		a->size_rule_given = true;
		break;
	case OPT_DISK:
		status = cli_value_count(cli, "disk", text, 1, 1000, &n);
		a->source.disk = (unsigned)n;
		break;
	case OPT_ALLOW_BACKING:
		a->source.allow_backing = true;
		break;
	default:
		a->spool = false;
		break;
	}
	return status;
}

static int work_option(struct cli *cli, int val, const char *text,
		       struct convert_args *a)
{
	int value = 0, status = CLI_GO;
	uint64_t n = 0;

	switch (val) {
	case OPT_SYNC:
		a->sync = true;
		break;
	case OPT_VERIFY:
		a->convert.flags |= VHD_CONVERT_VERIFY;
		break;
	case OPT_CACHE:
		status = cli_value_name(cli, "cache", text, cache_modes,
					&value);
		a->convert.flags |= (uint32_t)value;
		break;
	case OPT_NO_SHARE:
		a->convert.flags |= VHD_CONVERT_NO_SHARE;
		break;
	case OPT_THREADS:
		status = cli_value_count(cli, "threads", text, 1, 64, &n);
		a->convert.threads = (uint32_t)n;
		break;
	case OPT_ZERO_SCAN:
		a->convert.flags |= VHD_CONVERT_ZERO_SCAN;
		break;
	case OPT_PRINT_SIZE:
		a->print_size = true;
		break;
	default:
		if (text != NULL && text[0] != '\0')
			status = cli_value_count(cli, "compress", text, 1, 9,
						 &n);
		a->gzip = (int)n;
		break;
	}
	return status;
}

static int convert_option(struct cli *cli, int val, const char *text,
			  void *arg)
{
	struct convert_args *a = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val == CLI_MAKE_FORMAT && dest_foreign_format(text)) {
		a->foreign = text;
		return CLI_GO;
	}
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &a->convert.create, val, text);
	if (val <= OPT_NO_SPOOL)
		return source_option(cli, val, text, a);
	if (val <= OPT_COMPRESS)
		return work_option(cli, val, text, a);
	if (val == OPT_JSON)
		a->json = true;
	else
		a->no_progress = true;
	return CLI_GO;
}

static void tell(const char *dst, const struct vhd_convert_result *r)
{
	char size[SIZE_TEXT], data[SIZE_TEXT];

	if (isatty(STDOUT_FILENO) != 1)
		return;
	text_put(stdout, dst);
	printf(": made, %s, of which %s were %s\n",
	       size_format(r->target_size, size),
	       size_human(r->data_bytes, data),
	       r->shared_bytes == r->data_bytes && r->data_bytes > 0
		       ? "shared" : "copied");
}

static int report(struct cli *cli, const struct convert_args *a,
		  const struct vhd_convert_result *r)
{
	json_t *object;

	if (!a->json) {
		tell(cli_operand(cli, 1), r);
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "source", json_text(cli_operand(cli, 0)));
	json_put(object, "target", json_text(cli_operand(cli, 1)));
	json_put(object, "source_size", json_u64(r->source_size));
	json_put(object, "target_size", json_u64(r->target_size));
	json_put(object, "data_bytes", json_u64(r->data_bytes));
	json_put(object, "shared_bytes", json_u64(r->shared_bytes));
	json_put(object, "zero_bytes", json_u64(r->zero_bytes));
	json_put(object, "missing_bytes", json_u64(r->missing_bytes));
	json_put(object, "source_sector", json_u64(r->source_sector));
	json_put(object, "target_sector", json_u64(r->target_sector));
	json_put(object, "verified",
		 json_boolean(a->convert.flags & VHD_CONVERT_VERIFY));
	return json_print(cli, object);
}

/* Standard output has names of the system, too. */
static const char *target_name(struct cli *cli)
{
	const char *name = cli_operand(cli, 1);

	return strcmp(name, "/dev/stdout") == 0 ||
	       strcmp(name, "/dev/fd/1") == 0 ? "-" : name;
}

static int check_args(struct cli *cli, const struct convert_args *a)
{
	if (a->convert.create.type == VHD_TYPE_DIFF)
		return cli_usage(cli, "--type differencing: a converted image "
				 "stands alone");
	if (a->sync && a->convert.create.flags & VHD_CREATE_NO_SYNC)
		return cli_usage(cli, "--sync and --no-sync contradict each "
				 "other");
	if (a->json && !a->print_size && strcmp(target_name(cli), "-") == 0)
		return cli_usage(cli, "--json: the bytes of the disk go to "
				 "standard output");
	return CLI_GO;
}

/*
 * A new file is like the copy of any program: the system has it, the disk will.
 * One that replaces another is not: a cut must not lose both.
 */
static void decide_sync(struct convert_args *a)
{
	struct vhd_create_opts *create = &a->convert.create;

	if (create->flags & VHD_CREATE_FORCE &&
	    !(create->flags & VHD_CREATE_NO_SYNC))
		a->sync = true;
	if (!a->sync)
		create->flags |= VHD_CREATE_NO_SYNC;
}

/* The directory of the target, where there will be room; else NULL. */
static char *spool_dir(const char *dst)
{
	const char *slash = strrchr(dst, '/');

	if (strcmp(dst, "-") == 0 || strstr(dst, "://") != NULL)
		return strdup(getenv("TMPDIR") != NULL ? getenv("TMPDIR")
						       : "/var/tmp");
	if (slash == NULL)
		return strdup(".");
	return strndup(dst, slash == dst ? 1 : (size_t)(slash - dst));
}

static int copy(struct cli *cli, struct convert_args *a, struct dest_how *to,
		const struct source *src)
{
	struct vhd_convert_result result = { 0 };
	const char *spoilt;
	bool to_stdout;
	int status;

	if (a->source.disk > 1 && !src->archive)
		return error_say(cli, to->source, NULL, "it has no disk %u: it "
				 "is no archive, but a disk itself",
				 a->source.disk);
	to->img = src->img;
	/* A server is asked for more at once; for one as target, see there. */
	if (a->convert.threads == 0)
		a->convert.threads = src->threads;
	if (a->convert.threads == 0 && !dest_nbd_is(to))
		a->convert.threads = CLI_THREADS;
	if (a->print_size)
		return dest_size_print(to, a->json);
	spoilt = source_has(&a->source, src, to->name);
	if (spoilt != NULL)
		return error_say(cli, to->name, NULL, "%s", spoilt);
	if (!src->stream && !a->size_rule_given)
		convert_warn_size(cli, to->source, &a->open.opts,
				  vhd_size(src->img));
	progress_begin(to->pr, !a->no_progress, true);
	status = dest_write(to, &result);
	progress_end(to->pr);
	if (status != CLI_OK)
		return status;
	convert_warn_name(cli, to->name, a->convert.create.format, a->foreign);
	convert_warn_missing(cli, to->source, src->stream, &result);
	to_stdout = strcmp(to->name, "-") == 0;
	convert_warn_target(cli, to_stdout ? "standard output" : to->name,
			    src->img, &result);
	return to_stdout ? CLI_OK : report(cli, a, &result);
}

static int convert(struct cli *cli, struct convert_args *a)
{
	struct progress pr;
	struct dest_how to = {
		.cli = cli,
		.name = target_name(cli),
		.source = cli_operand(cli, 0),
		.convert = &a->convert,
		.pr = &pr,
		.foreign = a->foreign,
		.gzip = a->gzip,
		.gzip_threads = a->convert.threads,
	};
	struct source src = { .img = NULL };
	char *dir = a->spool ? spool_dir(to.name) : NULL;
	int status = check_args(cli, a);

	decide_sync(a);
	to.sync = a->sync;
	if (status == CLI_GO)
		status = a->print_size ? dest_size_check(&to) : dest_check(&to);
	if (status == CLI_GO)
		status = cli_make_timestamp(cli, &a->convert.create);
	a->source.cli = cli;
	a->source.open = &a->open;
	a->source.name = to.source;
	a->source.spool_dir = dir;
	a->source.disk_size = a->convert.create.virtual_size;
	a->source.again = a->print_size ||
			  a->convert.flags & VHD_CONVERT_ZERO_SCAN;
	a->source.in_order = dest_stream_is(&to);
	if (status == CLI_GO) {
		sigint_catch();
		status = source_open(&a->source, &src);
	}
	if (status == CLI_GO)
		status = copy(cli, a, &to, &src);
	status = source_close(&a->source, &src, status);
	free(dir);
	return status;
}

static int convert_run(struct cli *cli)
{
	struct convert_args a = {
		.convert = VHD_CONVERT_OPTS_INIT,
		.gzip = DEST_NO_GZIP,
		.spool = true,
	};
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, convert_option, &a);
	if (status == CLI_GO)
		status = convert(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_convert = {
	.name = "convert",
	.summary = "copy a disk into a new image of another format or type",
	.usage = "[OPTION]... SRC DST",
	.description =
"SRC is a VHD, a VHDX or a raw disk; what is read is what a guest would see,\n"
"through the whole chain of parents. DST is a stand-alone image with the same\n"
"bytes. It appears under its name only when it is complete: a conversion that\n"
"fails or is cancelled leaves nothing. Zeros are not copied, and where the file\n"
"system can share blocks between files, data is not either.\n"
"\n"
"Either may be \"-\", standard input or output, in any of these formats (-O;\n"
"default raw), or a name that ends in .gz. A server of NBD (nbd://...,\n"
"nbd+unix://...) will do as well, and with QEMU's programs qcow2, vmdk and vdi,\n"
"by the name or -O, and ova as SRC. A block device is written through a pipe:\n"
"vhd-util convert SRC - > /dev/sdX\n"
"\n"
"Like cp, it returns when the system has all bytes; --sync waits until they are\n"
"on the disk. A file that replaces another is on the disk first, unless\n"
"--no-sync is given.\n"
"\n"
"A file whose name ends in .vhd, .avhd, .vhdx or .avhdx and that holds no disk\n"
"image is refused; --source-format raw takes it as a raw disk. Give that option\n"
"with a raw disk of a guest whom you do not trust, too: what a guest writes\n"
"first on its disk may look like an image.\n",
	.example =
"  vhd-util convert disk.vhd disk.vhdx\n"
"  vhd-util convert --for azure disk.vhdx upload.vhd\n"
"  vhd-util convert --type fixed disk.raw disk.vhdx\n"
"  vhd-util convert disk.vhdx - | zstd > disk.raw.zst\n"
"  vhd-util convert -O vhd big.vhdx - | curl -T - \"$url\"\n"
"  vhd-util convert backup.vhd.gz disk.vhdx\n"
"  vhd-util convert disk.qcow2 disk.vhdx\n",
	.opts = convert_opts,
	.min_operands = 2,
	.needs = "a source and a target are needed",
	.max_operands = 2,
	.bare = "--compress",
	.run = convert_run,
};
