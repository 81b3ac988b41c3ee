/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli_open.h"
#include "cmds.h"
#include "digest.h"
#include "errors.h"
#include "json.h"
#include "newfile.h"
#include "sigint.h"
#include "common/size.h"
#include "common/text.h"

enum {
	OPT_MANIFEST = 1, OPT_VERIFY, OPT_BLOCK, OPT_SHA256, OPT_FORCE,
	OPT_JSON, OPT_NO_PROGRESS
};

static const uint64_t block_default = UINT64_C(4) << 20;
static const uint64_t block_min = 4096, block_max = UINT64_C(64) << 20;

static const struct poptOption digest_opts[] = {
	CLI_OPT_ARG("manifest", OPT_MANIFEST,
		    "Write the list of blocks and their hashes to FILE",
		    "FILE"),
	CLI_OPT_ARG("verify", OPT_VERIFY,
		    "Compare the disk with the list in FILE", "FILE"),
	CLI_OPT_ARG("block", OPT_BLOCK,
		    "Bytes of a block, a power of two from 4K to 64M (default: "
		    "4M)", "SIZE"),
	CLI_OPT("sha256", OPT_SHA256,
		"Also what sha256sum prints of the raw disk: takes time for "
		"zeros, too"),
	CLI_OPT("force", OPT_FORCE, "Replace an existing manifest"),
	CLI_OPT("json", OPT_JSON, "Print the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_opts, "Opening:"),
	CLI_OPT_END
};

struct digest_job {
	struct cli *cli;
	struct cli_open open;
	struct vhd_image *img;
	struct progress pr;
	const char *manifest, *verify;
	uint64_t block;			/* 0: not given */
	bool flat, force, json, no_progress;

	struct manifest_writer writer;
	char digest[DIGEST_HEX], sha256[DIGEST_HEX];
};

static int digest_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct digest_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	switch (val) {
	case OPT_MANIFEST:
		j->manifest = text;
		return CLI_GO;
	case OPT_VERIFY:
		j->verify = text;
		return CLI_GO;
	case OPT_BLOCK:
		if (cli_value_size(cli, "block", text, &j->block) != CLI_GO)
			return CLI_USAGE;
		if (j->block < block_min || j->block > block_max ||
		    (j->block & (j->block - 1)) != 0)
			return cli_usage(cli, "--block: %s is no power of two "
					 "from 4K to 64M", text);
		return CLI_GO;
	case OPT_SHA256:
		j->flat = true;
		return CLI_GO;
	case OPT_FORCE:
		j->force = true;
		return CLI_GO;
	case OPT_JSON:
		j->json = true;
		return CLI_GO;
	default:
		j->no_progress = true;
		return CLI_GO;
	}
}

static int on_block(void *arg, uint64_t off, uint64_t len,
		    const char hex[DIGEST_HEX], struct vhd_error *err)
{
	struct digest_job *j = arg;

	(void)len;
	(void)err;
	manifest_add(&j->writer, off, hex);
	return 0;
}

/* The walk, with the list going to @file, which may be NULL. */
static int make(struct digest_job *j, FILE *file, struct vhd_error *err)
{
	struct sha256_ctx flat;
	int rc;

	sha256_init(&flat);
	manifest_begin(&j->writer, file, vhd_size(j->img), j->block);
	progress_begin(&j->pr, !j->no_progress, true);
	rc = digest_walk(j->img, j->block, j->flat ? &flat : NULL, &j->pr,
			 on_block, j, err);
	progress_end(&j->pr);
	if (rc != 0)
		return rc;
	manifest_end(&j->writer, j->digest);
	if (j->flat)
		digest_hex(&flat, j->sha256);
	return 0;
}

static int fail_write(const char *path, struct vhd_error *err)
{
	int code = errno == ENOSPC || errno == EDQUOT ? VHD_E_NOSPACE
						      : VHD_E_IO;

	*err = (struct vhd_error){ .code = code, .os_errno = errno,
				   .off = VHD_NO_OFFSET };
	snprintf(err->file, sizeof(err->file), "%s", path);
	snprintf(err->msg, sizeof(err->msg), "cannot write it: %s",
		 strerror(errno));
	return code;
}

static int make_in(struct digest_job *j, struct newfile *new,
		   struct vhd_error *err)
{
	FILE *file = fdopen(dup(new->fd), "w");
	bool bad;
	int rc;

	if (file == NULL)
		return fail_write(j->manifest, err);
	rc = make(j, file, err);
	bad = ferror(file) != 0;
	if (fclose(file) != 0 || bad)
		return rc != 0 ? rc : fail_write(j->manifest, err);
	return rc != 0 ? rc : newfile_commit(new, err);
}

static int make_manifest(struct digest_job *j, struct vhd_error *err)
{
	struct newfile new = NEWFILE_NONE;
	int rc = newfile_open(&new, j->manifest, j->force, j->img, err);

	if (rc == 0)
		rc = make_in(j, &new, err);
	newfile_discard(&new);
	return rc;
}

static int report(const struct digest_job *j)
{
	char size[SIZE_TEXT];
	json_t *o;

	if (!j->json) {
		text_put(stdout, cli_operand(j->cli, 0));
		printf(":\n  size    %s\n",
		       size_format(vhd_size(j->img), size));
		printf("  blocks  %" PRIu64 " of %s that are not zeros\n",
		       j->writer.blocks, size_format(j->block, size));
		printf("  digest  %s\n", j->digest);
		if (j->flat)
			printf("  sha256  %s\n", j->sha256);
		return CLI_OK;
	}
	o = json_object();
	json_put(o, "image", json_text(cli_operand(j->cli, 0)));
	json_put(o, "size", json_u64(vhd_size(j->img)));
	json_put(o, "block_size", json_u64(j->block));
	json_put(o, "blocks", json_u64(j->writer.blocks));
	json_put(o, "digest", json_string(j->digest));
	json_put(o, "sha256", j->flat ? json_string(j->sha256) : json_null());
	json_put(o, "manifest", j->manifest != NULL ? json_text(j->manifest)
						    : json_null());
	return json_print(j->cli, o);
}

static int digest(struct digest_job *j)
{
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	if (j->block == 0)
		j->block = block_default;
	if (j->manifest != NULL)
		rc = make_manifest(j, &err);
	else
		rc = make(j, NULL, &err);
	if (rc != 0)
		return error_report(j->cli, &err, cli_operand(j->cli, 0));
	return report(j);
}

static int check_args(const struct digest_job *j)
{
	if (j->manifest != NULL && strcmp(j->manifest, "-") == 0)
		return cli_usage(j->cli, "--manifest: '-' is no file; standard "
				 "output has the digest");
	if (j->verify == NULL)
		return CLI_GO;
	if (strcmp(j->verify, "-") == 0)
		return cli_usage(j->cli, "--verify: '-' is no file; a manifest "
				 "is read twice");
	if (j->manifest != NULL)
		return cli_usage(j->cli, "--verify does not go with "
				 "--manifest");
	if (j->block != 0)
		return cli_usage(j->cli, "--verify does not go with --block: "
				 "the manifest says the size of its blocks");
	if (j->flat)
		return cli_usage(j->cli, "--verify does not go with --sha256");
	return CLI_GO;
}

static int fail_open(const struct digest_job *j, const char *path,
		     const struct vhd_error *err)
{
	if (err->code == VHD_E_FORMAT && manifest_is(path))
		return error_say(j->cli, path,
				 "name it with --verify, and then the image: "
				 "vhd-util digest --verify MANIFEST IMAGE",
				 "is a manifest, and no image");
	return error_report(j->cli, err, path);
}

static int run(struct digest_job *j)
{
	const char *path = cli_operand(j->cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	int status = check_args(j);

	if (status != CLI_GO)
		return status;
	sigint_catch();
	if (cli_guess_raw(path))
		j->open.opts.flags |= VHD_OPEN_ALLOW_RAW;
	if (cli_open_image(&j->open, path, &j->img, &err) != 0)
		return fail_open(j, path, &err);
	if (j->verify != NULL)
		status = digest_verify(j->cli, j->img, j->verify, j->json,
				       !j->no_progress);
	else
		status = digest(j);
	if (vhd_close(&j->img, &err) != 0 && status == CLI_OK)
		status = error_report(j->cli, &err, path);
	return status;
}

static int digest_run(struct cli *cli)
{
	struct digest_job j = { .cli = cli };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, digest_option, &j);
	if (status == CLI_GO)
		status = run(&j);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_digest = {
	.name = "digest",
	.summary = "a checksum of the disk, whatever file it is in",
	.usage = "[OPTION]... IMAGE",
	.description =
"Two images with the same digest show a guest the same disk: format, type,\n"
"block size, snapshots and free space play no role, the size of the disk does.\n"
"It is the SHA-256 of a list that names each block of the disk that is not all\n"
"zeros with its SHA-256, so that a disk takes as long as what is in it.\n"
"--sha256 adds what sha256sum prints of the raw disk. IMAGE may be a raw disk.\n"
"It is not changed.\n"
"\n"
"--manifest keeps the list. --verify looks later whether the disk still is what\n"
"the list says, and prints the ranges that are not. A manifest that was cut off\n"
"or edited is refused.\n",
	.example =
"  vhd-util digest disk.vhdx\n"
"  vhd-util digest --manifest disk.sums disk.vhdx\n"
"  vhd-util digest --verify disk.sums restored.vhd\n",
	.exits =
"Exit status: 0 done, or as the manifest says; 1 failed; 2 usage; 3 not as the\n"
"manifest says; 130 cancelled by a signal.\n",
	.opts = digest_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = digest_run,
};
