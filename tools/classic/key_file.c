/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/key_file.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Bytes of the key that a file of this name holds; 0: not one of @image. */
static size_t len_by_name(const char *path, const char *image)
{
	static const char cipher[] = ",aes-xts-plain,";
	const char *name = base_name(path), *disk = base_name(image);
	size_t len = strlen(disk);

	if (len > 4 && strcmp(disk + len - 4, ".vhd") == 0 &&
	    strncmp(name, disk, len) != 0)
		len -= 4;
	if (strncmp(name, disk, len) != 0)
		return 0;
	name += len;
	if (strncmp(name, cipher, sizeof(cipher) - 1) != 0)
		return 0;
	name += sizeof(cipher) - 1;
	if (strcmp(name, "256.key") == 0)
		return 32;
	return strcmp(name, "512.key") == 0 ? 64 : 0;
}

/* At most one byte more than a key has. */
static int load(const char *path, uint8_t buf[KEY_MAX + 1], size_t *len_out)
{
	FILE *file = fopen(path, "rbe");
	int rc = 0;

	if (!file)
		return errno;
	setvbuf(file, NULL, _IONBF, 0);
	*len_out = fread(buf, 1, KEY_MAX + 1, file);
	if (ferror(file))
		rc = errno;
	fclose(file);
	return rc;
}

int key_file_read(const char *path, const char *image, struct key_file *out)
{
	uint8_t buf[KEY_MAX + 1];
	size_t want = image ? len_by_name(path, image) : 0, len = 0;
	int rc = image && !want ? EINVAL : load(path, buf, &len);

	if (!rc && (!len || len > KEY_MAX || (want && len != want)))
		rc = EINVAL;
	if (rc) {
		fprintf(stderr, "cannot use the key file %s: %d\n", path, -rc);
	} else {
		fprintf(stderr, "using key file %s: %zu bits\n", path, len * 8);
		memcpy(out->key, buf, len);
		out->len = len;
	}
	explicit_bzero(buf, sizeof(buf));
	return rc;
}

void key_file_forget(struct key_file *key)
{
	explicit_bzero(key, sizeof(*key));
}

void key_hash(const struct key_file *key, const uint8_t nonce[KEY_HASH],
	      uint8_t out[KEY_HASH])
{
	struct sha256_ctx ctx;

	_Static_assert((int)KEY_HASH == (int)SHA256_DIGEST_SIZE, "SHA-256");
	sha256_init(&ctx);
	sha256_update(&ctx, KEY_HASH, nonce);
	sha256_update(&ctx, key->len, key->key);
	sha256_digest(&ctx, KEY_HASH, out);
	explicit_bzero(&ctx, sizeof(ctx));
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool key_hex(const char *text, uint8_t out[KEY_HASH])
{
	if (strlen(text) != (size_t)2 * KEY_HASH)
		return false;
	for (size_t i = 0; i < KEY_HASH; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
