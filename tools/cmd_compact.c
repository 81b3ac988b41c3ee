/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_open.h"
#include "cmds.h"
#include "compact.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "common/size.h"
#include "common/text.h"

enum {
	OPT_ESTIMATE = 1,
	OPT_ZERO_SCAN,
	OPT_NO_FS,
	OPT_ORPHAN,
	OPT_FORCE,
	OPT_JSON,
	OPT_NO_PROGRESS
};

static const struct poptOption compact_opts[] = {
	CLI_OPT("estimate", OPT_ESTIMATE,
		"Say what would be saved, and change nothing"),
	CLI_OPT("dry-run", OPT_ESTIMATE, "The same as --estimate"),
	CLI_OPT("zero-scan", OPT_ZERO_SCAN,
		"Also look into blocks that are in use, and give up those that "
		"hold zeros, or what the parent has"),
	CLI_OPT("no-fs", OPT_NO_FS,
		"Do not look at file systems: the guest's bytes stay as they "
		"are, unused ones too"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"Go on although the image has children, which may then show "
		"wrong bytes where file systems have nothing"),
	CLI_OPT("force", OPT_FORCE,
		"Go on although the file holds data that belongs to no block, "
		"which is given up: of a disk that was emptied, or whose table "
		"was lost"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_write_opts, "Opening:"),
	CLI_OPT_END
};

struct compact_job {
	struct cli *cli;
	struct cli_open open;
	struct vhd_compact_opts opts;
	struct compact_fs *fs;		/* NULL: file systems do not matter */
	struct progress pr;
	uint64_t total;			/* of the phase that was told last */
	bool no_fs;
	bool json;
	bool no_progress;
};

static int compact_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct compact_job *j = arg;

	(void)cli;
	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	switch (val) {
	case OPT_ESTIMATE:
		j->opts.flags |= VHD_CHANGE_DRY_RUN;
		break;
	case OPT_ZERO_SCAN:
		j->opts.flags |= VHD_CHANGE_ZERO_SCAN;
		break;
	case OPT_NO_FS:
		j->no_fs = true;
		break;
	case OPT_ORPHAN:
		j->opts.flags |= VHD_CHANGE_ORPHAN;
		break;
	case OPT_FORCE:
		j->opts.flags |= VHD_CHANGE_CUT;
		break;
	case OPT_JSON:
		j->json = true;
		break;
	default:
		j->no_progress = true;
		break;
	}
	return CLI_GO;
}

static int print_json(const struct compact_job *j, const char *path,
		      const struct vhd_compact_result *r)
{
	json_t *o = json_object();

	json_put(o, "image", json_text(path));
	json_put(o, "dry_run", json_boolean(j->opts.flags &
					    VHD_CHANGE_DRY_RUN));
	json_put(o, "file_size_before", json_u64(r->old_file));
	json_put(o, "file_size", json_u64(r->new_file));
	json_put(o, "disk_usage_before", json_u64(r->old_usage));
	json_put(o, "disk_usage", json_u64(r->new_usage));
	json_put(o, "blocks", json_u64(r->blocks));
	json_put(o, "unused_blocks", json_u64(r->unused_blocks));
	json_put(o, "zero_blocks", json_u64(r->zero_blocks));
	json_put(o, "moved_blocks", json_u64(r->moved_blocks));
	json_put(o, "unused_bytes", json_u64(r->unused_bytes));
	json_put(o, "file_systems", j->fs != NULL ? compact_fs_object(j->fs) :
						    json_null());
	return json_print(j->cli, o);
}

static void print_sizes(const char *what, uint64_t before, uint64_t after)
{
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (before == VHD_NO_OFFSET || after == VHD_NO_OFFSET)
		return;
	printf("%-21s %10s %10s\n", what, size_human(before, a),
	       size_human(after, b));
}

static void print_text(const struct compact_job *j, const char *path,
		       const struct vhd_compact_result *r)
{
	bool dry = j->opts.flags & VHD_CHANGE_DRY_RUN;
	uint64_t kept = r->blocks - r->unused_blocks - r->zero_blocks;

	if (j->fs != NULL)
		compact_fs_print(j->fs);
	printf("%-21s %10s %10s\n", "", dry ? "now" : "before",
	       dry ? "expected" : "now");
	print_sizes("File", r->old_file, r->new_file);
	print_sizes("Space that it takes", r->old_usage, r->new_usage);
	printf("%-21s %10" PRIu64 " %10" PRIu64 "\n\n", "Allocated blocks",
	       r->blocks, kept);
	text_put(stdout, path);
	if (r->new_file == r->old_file && r->new_usage == r->old_usage &&
	    kept == r->blocks && r->moved_blocks == 0) {
		fputs(": nothing can be saved", stdout);
		puts(j->fs != NULL && compact_fs_left_alone(j->fs) ?
		     " as it is; once the guest has shut down cleanly more "
		     "may be, or try --zero-scan" : "");
		return;
	}
	printf(": %" PRIu64 " unused and %" PRIu64 " empty blocks %s",
	       r->unused_blocks, r->zero_blocks,
	       dry ? "would be given up" : "given up");
	if (!dry)
		printf(", %" PRIu64 " moved", r->moved_blocks);
	putchar('\n');
}

/* The library tells of its two phases by two totals. */
static bool step(void *arg, uint64_t done, uint64_t total)
{
	struct compact_job *j = arg;

	if (total != j->total) {
		j->pr.label = j->total == 0 ? "looking" : "moving";
		j->total = total;
	}
	return progress_step(&j->pr, done, total);
}

static int failed(struct compact_job *j, const struct vhd_error *err,
		  const char *path)
{
	int status = error_report(j->cli, err, path);

	if (status == CLI_CANCELLED && !(j->opts.flags & VHD_CHANGE_DRY_RUN))
		fputs("hint: the image is sound, and what was saved stays "
		      "saved; the same command goes on\n", stderr);
	return status;
}

static int compact(struct compact_job *j)
{
	const char *path = cli_operand(j->cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_compact_result r = { 0 };
	int rc;

	sigint_catch();
	j->opts.open = &j->open.opts;
	j->opts.progress = step;
	j->opts.progress_arg = j;
	if (j->fs != NULL) {
		j->opts.unused = compact_fs_unused;
		j->opts.unused_arg = j->fs;
	}
	progress_begin(&j->pr, !j->no_progress, true);
	rc = vhd_compact(path, &j->opts, &r, &err);
	progress_end(&j->pr);
	if (rc != 0)
		return failed(j, &err, path);
	if (j->json)
		return print_json(j, path, &r);
	print_text(j, path, &r);
	return CLI_OK;
}

static int compact_run(struct cli *cli)
{
	static const struct vhd_compact_opts defaults = VHD_COMPACT_OPTS_INIT;
	struct compact_job j = { .cli = cli, .opts = defaults };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, compact_option, &j);
	if (status == CLI_GO && !j.no_fs) {
		j.fs = calloc(1, sizeof(*j.fs));
		if (j.fs == NULL) {
			fputs("vhd-util: out of memory\n", stderr);
			status = CLI_FAILED;
		}
	}
	if (status == CLI_GO)
		status = compact(&j);
	free(j.fs);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_compact = {
	.name = "compact",
	.summary = "make an image's file as small as its content",
	.usage = "[--estimate] [OPTION]... IMAGE",
	.description =
"Gives up blocks of a dynamic or differencing image that hold nothing, moves\n"
"blocks from the end of the file into the room of these, and cuts the file. It\n"
"works in place: no second copy is made, and little free space is needed.\n"
"\n"
"A block holds nothing when the file systems inside do not use it. Partition\n"
"tables are read (or a file system that fills the disk, as WSL makes them), and\n"
"in each partition the file system's own lists of free space. A file system that\n"
"was not cleanly unmounted, is encrypted, or has a feature that is not known is\n"
"left alone as a whole, and the report says why. What it was is never guessed\n"
"at, and what it uses is never touched. Deleted files cannot be recovered\n"
"afterwards.\n"
"\n"
"With --zero-scan, blocks that are in use are looked into as well, and given up\n"
"when they are zeros, or what the parent of a differencing image has. With\n"
"--no-fs no byte changes that the guest could read, so that children of the\n"
"image stay valid; otherwise an image with known children is refused.\n"
"\n"
"Nothing else may use the image: shut the machine down first, and do not merely\n"
"save or suspend it. For WSL and Docker Desktop: `wsl --shutdown`, then compact\n"
"ext4.vhdx or docker_data.vhdx. Fixed images keep all of their space; convert\n"
"them to dynamic ones instead.\n"
"\n"
"Interrupting it, by Ctrl-C, kill or a power cut, is fine at any moment: the image\n"
"is sound, what was saved so far stays saved, and the same command goes on from\n"
"there. An image that is as small as can be is not written to at all.\n",
	.example =
"  vhd-util compact --estimate ext4.vhdx\n"
"  vhd-util compact --zero-scan ext4.vhdx\n",
	.opts = compact_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = compact_run,
};
