/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk beside the list of what it was: both go by in the same order. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "errors.h"
#include "json.h"
#include "common/size.h"
#include "common/text.h"

struct verify {
	struct cli *cli;
	struct vhd_image *img;
	const char *path;		/* of the list */
	struct manifest list;
	struct progress pr;
	struct json_writer out;
	bool json, bar;
	uint64_t off, len;		/* differs, not told of yet */
	uint64_t ranges, differing;
};

static void tell_range(struct verify *j)
{
	char size[SIZE_TEXT];
	json_t *o;

	if (j->len == 0)
		return;
	j->ranges++;
	j->differing += j->len;
	if (!j->json) {
		progress_wipe(&j->pr);
		printf("0x%-16" PRIx64 " %16s  differs\n", j->off,
		       size_format(j->len, size));
	} else {
		o = json_object();
		json_put(o, "start", json_u64(j->off));
		json_put(o, "length", json_u64(j->len));
		json_value(&j->out, o);
	}
	j->len = 0;
}

/* The block at @off is another one; the larger disk says where it ends. */
static void add_range(struct verify *j, uint64_t off)
{
	uint64_t size = vhd_size(j->img), len = j->list.block;

	if (j->list.size > size)
		size = j->list.size;
	if (len > size - off)
		len = size - off;
	if (j->len != 0 && j->off + j->len == off) {
		j->len += len;
		return;
	}
	tell_range(j);
	j->off = off;
	j->len = len;
}

/* Blocks of the list before @off are zeros now. */
static int pass_to(struct verify *j, uint64_t off, struct vhd_error *err)
{
	int rc = 0;

	while (rc == 0 && j->list.more && j->list.off < off) {
		add_range(j, j->list.off);
		rc = manifest_next(&j->list, err);
	}
	return rc;
}

static int on_verify(void *arg, uint64_t off, uint64_t len,
		     const char hex[DIGEST_HEX], struct vhd_error *err)
{
	struct verify *j = arg;
	int rc = pass_to(j, off, err);

	(void)len;
	if (rc != 0)
		return rc;
	if (!j->list.more || j->list.off != off) {
		add_range(j, off);
		return 0;
	}
	if (strcmp(j->list.hex, hex) != 0)
		add_range(j, off);
	return manifest_next(&j->list, err);
}

static int compare(struct verify *j, struct vhd_error *err)
{
	int rc;

	/* JSON has no lines of its own, between which a bar could be. */
	progress_begin(&j->pr, j->bar &&
		       !(j->json && isatty(STDOUT_FILENO) == 1), true);
	rc = digest_walk(j->img, j->list.block, NULL, &j->pr, on_verify, j,
			 err);
	if (rc == 0)
		rc = pass_to(j, UINT64_MAX, err);
	progress_end(&j->pr);
	if (rc == 0)
		tell_range(j);
	return rc;
}

static bool same(const struct verify *j)
{
	return j->ranges == 0 && j->list.size == vhd_size(j->img);
}

static void conclude_text(const struct verify *j)
{
	char size[SIZE_TEXT], was[SIZE_TEXT];

	if (j->list.size != vhd_size(j->img))
		printf("the disk has %s, it had %s\n",
		       size_format(vhd_size(j->img), size),
		       size_format(j->list.size, was));
	text_put(stdout, cli_operand(j->cli, 0));
	if (same(j))
		fputs(": as the manifest says\n", stdout);
	else
		printf(": not as the manifest says: %" PRIu64 " range%s, %s\n",
		       j->ranges, j->ranges == 1 ? "" : "s",
		       size_human(j->differing, size));
}

static void begin_json(struct verify *j)
{
	struct json_writer *w = &j->out;

	json_begin(w, stdout);
	json_open(w, '{');
	json_key(w, "image");
	json_value(w, json_text(cli_operand(j->cli, 0)));
	json_key(w, "manifest");
	json_value(w, json_text(j->path));
	json_key(w, "size");
	json_value(w, json_u64(vhd_size(j->img)));
	json_key(w, "manifest_size");
	json_value(w, json_u64(j->list.size));
	json_key(w, "block_size");
	json_value(w, json_u64(j->list.block));
	json_key(w, "ranges");
	json_open(w, '[');
}

static void conclude_json(struct verify *j)
{
	struct json_writer *w = &j->out;

	json_close(w, ']');
	json_key(w, "differing_bytes");
	json_value(w, json_u64(j->differing));
	json_key(w, "same");
	json_value(w, json_boolean(same(j)));
	json_close(w, '}');
	json_end(w);
}

/* Advice about images would lead astray. */
static int refuse_list(const struct verify *j, const struct vhd_error *err)
{
	const char *hint = NULL;

	if (j->list.line == 1)
		hint = "--verify names a list that was made with --manifest, "
		       "the image comes after it: vhd-util digest --verify "
		       "MANIFEST IMAGE";
	else if (j->list.line > 1)
		hint = "take another copy of the manifest; this one cannot "
		       "tell whether the disk is as it was";
	return error_say(j->cli, j->path, hint, "%s", err->msg);
}

static int verify(struct verify *j)
{
	struct vhd_error err = { .code = VHD_OK };

	if (manifest_open(&j->list, j->path, &err) != 0)
		return refuse_list(j, &err);
	if (j->json)
		begin_json(j);
	if (compare(j, &err) != 0)
		return error_report(j->cli, &err, cli_operand(j->cli, 0));
	if (j->json)
		conclude_json(j);
	else
		conclude_text(j);
	return same(j) ? CLI_OK : CLI_PROBLEMS;
}

int digest_verify(struct cli *cli, struct vhd_image *img, const char *path,
		  bool json, bool bar)
{
	struct verify v = { .cli = cli, .img = img, .path = path,
			    .json = json, .bar = bar };
	int status = verify(&v);

	manifest_close(&v.list);
	return status;
}
