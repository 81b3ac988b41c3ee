/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hash of the key of an encrypted disk: printing, recording, comparing and
 * computing it.  The keys themselves are in files of their own, never in an
 * image.  Unlike the other verbs this one has its errors on standard error.
 */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "classic/headers_text.h"
#include "classic/key_file.h"

struct key_job {
	const char *name;
	const char *file;	/* -k */
	const char *hash;	/* -H */
	const char *nonce;	/* -N */
	bool set, check, print, compute;
	bool help;
	uint8_t nonce_bytes[KEY_HASH];
	uint8_t hash_bytes[KEY_HASH];
};

/* One thing to do with the hash; it can be printed besides. */
static bool sane(const struct key_job *job)
{
	if (job->compute)
		return job->file && !job->hash;
	if (!job->name || (job->set && job->check))
		return false;
	if (job->set)
		return !job->file != !job->hash;
	if (job->check)
		return job->file && !job->hash && !job->nonce;
	return job->print;
}

static bool parse(struct key_job *job, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:k:H:N:pscCh")) != -1) {
		switch (c) {
		case 'n': job->name = optarg; break;
		case 'k': job->file = optarg; break;
		case 'H': job->hash = optarg; break;
		case 'N': job->nonce = optarg; break;
		case 'h': job->help = true; return true;
		case 's': job->set = true; break;
		case 'c': job->check = true; break;
		case 'p': job->print = true; break;
		case 'C': job->compute = true; break;
		default: return false;
		}
	}
	return classic_no_operands(argc) && sane(job);
}

static int open_error(const struct key_job *job, const struct vhd_error *err)
{
	int rc = classic_status(err);

	fprintf(stderr, "failed to open %s: %d\n", job->name, -rc);
	return rc;
}

static int load(const struct key_job *job, struct vhd_xen_headers *h)
{
	struct vhd_error err = { 0 };
	struct vhd_image *img = NULL;
	int rc = vhd_open(job->name, &classic_alone_opts, &img, &err);

	h->size = sizeof(*h);
	if (!rc)
		rc = vhd_xen_layer_headers(img, 0, 0, h, &err);
	vhd_close(&img, NULL);
	return rc ? open_error(job, &err) : 0;
}

static bool has_hash(const struct vhd_xen_headers *h)
{
	return (h->have & (VHD_XEN_BATMAP | VHD_XEN_ATTRS)) &&
	       h->batmap.key_cookie == 1;
}

static void print(const struct vhd_xen_headers *h)
{
	if (has_hash(h)) {
		headers_hex(stdout, h->batmap.key_nonce, KEY_HASH);
		putchar(' ');
		headers_hex(stdout, h->batmap.key_hash, KEY_HASH);
		putchar('\n');
	} else {
		puts("none");
	}
}

/* The hash that is to be recorded, computed or compared with. */
static int make_hash(struct key_job *job, const char *image)
{
	struct key_file key = { .len = 0 };
	int rc;

	if (job->hash) {
		if (key_hex(job->hash, job->hash_bytes))
			return 0;
		fprintf(stderr, "invalid hash %s\n", job->hash);
		return EINVAL;
	}
	rc = key_file_read(job->file, image, &key);
	if (!rc)
		key_hash(&key, job->nonce_bytes, job->hash_bytes);
	key_file_forget(&key);
	return rc;
}

static int record(struct key_job *job)
{
	struct vhd_attrs attrs = VHD_ATTRS_INIT;
	struct vhd_error err = { 0 };
	int rc = make_hash(job, job->name);

	if (rc)
		return rc;
	if (!classic_writable(job->name, &err))
		return open_error(job, &err);
	attrs.mask = VHD_ATTR_KEYHASH;
	memcpy(attrs.key_nonce, job->nonce_bytes, sizeof(attrs.key_nonce));
	memcpy(attrs.key_hash, job->hash_bytes, sizeof(attrs.key_hash));
	if (vhd_set(job->name, &attrs, 0, &classic_change_opts, &err) == 0)
		return 0;
	rc = classic_status(&err);
	fprintf(stderr, "failed to set the hash of a key for %s: %d\n",
		job->name, -rc);
	return rc;
}

static int compare(struct key_job *job, const struct vhd_xen_headers *h)
{
	int rc;

	memcpy(job->nonce_bytes, h->batmap.key_nonce, KEY_HASH);
	rc = make_hash(job, job->name);
	if (!rc && (!has_hash(h) ||
		    memcmp(job->hash_bytes, h->batmap.key_hash, KEY_HASH)))
		rc = EINVAL;
	if (rc)
		fprintf(stderr, "key check failed: %d\n", -rc);
	return rc;
}

static int compute(struct key_job *job)
{
	int rc = make_hash(job, NULL);

	if (rc)
		return rc;
	headers_hex(stdout, job->hash_bytes, KEY_HASH);
	putchar('\n');
	return 0;
}

static int run_image(struct key_job *job)
{
	struct vhd_xen_headers h = { .size = sizeof(h) };
	int rc = load(job, &h), rc2;

	if (rc)
		return rc;
	if (job->set)
		rc = record(job);
	else if (job->check)
		rc = compare(job, &h);
	if (!job->print)
		return rc;
	rc2 = job->set ? load(job, &h) : 0;
	if (!rc2)
		print(&h);
	return rc ? rc : rc2;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct key_job job = { .name = NULL };

	if (!parse(&job, argc, argv) || job.help) {
		classic_explain(stderr, verb, job.help);
		return job.help ? verb->help_status : EINVAL;
	}
	if (job.nonce && !key_hex(job.nonce, job.nonce_bytes)) {
		fprintf(stderr, "invalid nonce %s\n", job.nonce);
		return EINVAL;
	}
	return job.compute ? compute(&job) : run_image(&job);
}

const struct classic_verb classic_key = {
	.name = "key",
	.usage = "-s -n NAME (-k KEYFILE | -H HASH) [-N NONCE] | -c -n NAME -k "
		 "KEYFILE | -p -n NAME | -C -k KEYFILE [-N NONCE]",
	.options = "  -s          record the hash of a key in an image without data\n"
		"  -c          compare the hash in an image with that of a key\n"
		"  -p          print the nonce and the hash in an image, or \"none\"\n"
		"  -C          print the hash of a key\n"
		"  -n NAME     the image\n"
		"  -k KEYFILE  a file with the key: NAME,aes-xts-plain,256.key or 512.key\n"
		"  -H HASH     the hash itself, as 64 digits\n"
		"  -N NONCE    what is hashed in front of the key, as 64 digits; zeros\n"
		"              else\n",
	.help_status = 0,
	.run = run,
};
