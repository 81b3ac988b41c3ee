/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <nettle/aes.h>
#include <nettle/sha2.h>
#include <nettle/xts.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "classic/classic.h"
#include "classic/new_image.h"

enum {
	SECTOR = 512,
	KEY_SHORT = 2 * AES128_KEY_SIZE,
	KEY_LONG = 2 * AES256_KEY_SIZE
};

struct wish {
	const char *name;
	const char *new_name;
	const char *key_file;
	bool key_stdin;
};

struct key {
	uint8_t bytes[KEY_LONG + 1];
	size_t len;
	struct xts_aes128_key aes128;
	struct xts_aes256_key aes256;
	struct vhd_key_hash hash;
};

/* "aes-xts-plain": the number of the sector is the tweak. */
static void encrypt(void *arg, uint64_t sector, void *buf, size_t len)
{
	struct key *key = arg;
	uint8_t *at = buf;

	for (; len >= SECTOR; len -= SECTOR, at += SECTOR, sector++) {
		uint8_t tweak[XTS_BLOCK_SIZE] = { 0 };

		for (int i = 0; i < 8; i++)
			tweak[i] = (uint8_t)(sector >> 8 * i);
		if (key->len == KEY_SHORT)
			xts_aes128_encrypt_message(&key->aes128, tweak, SECTOR,
						   at, at);
		else
			xts_aes256_encrypt_message(&key->aes256, tweak, SECTOR,
						   at, at);
	}
}

static bool prepare(struct key *key)
{
	struct sha256_ctx sha;

	if (key->len == KEY_SHORT)
		xts_aes128_set_encrypt_key(&key->aes128, key->bytes);
	else
		xts_aes256_set_encrypt_key(&key->aes256, key->bytes);
	if (getrandom(key->hash.nonce, sizeof(key->hash.nonce), 0) !=
	    (ssize_t)sizeof(key->hash.nonce))
		return false;
	sha256_init(&sha);
	sha256_update(&sha, sizeof(key->hash.nonce), key->hash.nonce);
	sha256_update(&sha, key->len, key->bytes);
	sha256_digest(&sha, sizeof(key->hash.hash), key->hash.hash);
	return true;
}

/* The exit status. */
static int read_key(const struct wish *w, struct key *key)
{
	FILE *file = w->key_stdin ? stdin : fopen(w->key_file, "rb");
	const char *name = w->key_stdin ? "standard input" : w->key_file;
	int status = 0;

	if (!file) {
		status = errno;
		printf("error opening %s: %d\n", name, -status);
		return status;
	}
	setvbuf(file, NULL, _IONBF, 0);
	key->len = fread(key->bytes, 1, sizeof(key->bytes), file);
	if (ferror(file)) {
		status = errno;
		printf("error reading %s: %d\n", name, -status);
	} else if (key->len != KEY_SHORT && key->len != KEY_LONG) {
		status = EINVAL;
		printf("the key in %s has to have %d or %d bytes\n", name,
		       KEY_SHORT, KEY_LONG);
	} else if (!prepare(key)) {
		status = errno;
		printf("error making a nonce: %d\n", -status);
	}
	if (!w->key_stdin)
		fclose(file);
	return status;
}

/* Not to be forgotten in memory that others get. */
static void wipe(struct key *key)
{
	explicit_bzero(key, sizeof(*key));
}

/* Whether there is one to copy, and none in its place; the exit status. */
static int check_names(const struct wish *w)
{
	struct vhd_image *img = NULL;
	struct vhd_error err;
	struct stat st;

	if (vhd_open(w->name, &classic_alone_opts, &img, &err))
		return classic_open_error(w->name, &err);
	vhd_close(&img, NULL);
	if (lstat(w->new_name, &st) != 0)
		return 0;
	printf("%s already exists\n", w->new_name);
	return EINVAL;
}

/* The source has been opened by then. */
static int say(const struct wish *w, const struct vhd_error *err)
{
	int status = err->code == VHD_E_EXISTS ? EINVAL : classic_status(err);

	if (new_image_no_file(err))
		return classic_open_error(w->new_name, err);
	printf("error copying %s to %s: %d\n", w->name, w->new_name, -status);
	return status;
}

static int copy(const struct wish *w)
{
	struct vhd_xen_copy_opts opts = VHD_XEN_COPY_OPTS_INIT;
	bool encrypted = w->key_file || w->key_stdin;
	struct key key = { .len = 0 };
	struct vhd_error err;
	int status = check_names(w);

	if (!status && encrypted)
		status = read_key(w, &key);
	if (!status && encrypted) {
		opts.key_hash = &key.hash;
		opts.cipher = encrypt;
		opts.cipher_arg = &key;
	}
	if (!status && vhd_xen_copy(w->name, w->new_name, &opts, &err))
		status = say(w, &err);
	wipe(&key);
	return status;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct wish w = { 0 };
	int c;

	while ((c = getopt(argc, argv, "n:N:k:Eh")) != -1) {
		switch (c) {
		case 'n':
			w.name = optarg;
			break;
		case 'N':
			w.new_name = optarg;
			break;
		case 'k':
			w.key_file = optarg;
			break;
		case 'E':
			w.key_stdin = true;
			break;
		case 'h':
			return classic_help(verb);
		default:
			return classic_usage(verb);
		}
	}
	/* Operands are ignored by this verb alone. */
	if (!w.name || !w.new_name || (w.key_file && w.key_stdin))
		return classic_usage(verb);
	return copy(&w);
}

const struct classic_verb classic_copy = {
	.name = "copy",
	.usage = "-n NAME -N NEW [-k KEYFILE | -E]",
	.options = "  -n NAME     the dynamic image to copy\n"
		"  -N NEW      the image to make\n"
		"  -k KEYFILE  encrypt it with the key of 32 or 64 bytes in this file\n"
		"  -E          the same with the key on standard input\n",
	.help_status = 22,
	.run = run,
};
