/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_KEY_FILE_H
#define VHD_TOOLS_CLASSIC_KEY_FILE_H

/* Keys of encrypted disks, and the hash that an image records of one (VHD-X-15). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_MAX = 64, KEY_HASH = 32 };

struct key_file {
	uint8_t key[KEY_MAX];
	size_t len;
};

/*
 * key_file_read - a key from a file
 *
 * @image: the file must be named for this image and for the length of the key, as
 *         "x,aes-xts-plain,512.key" is for x.vhd; NULL: any name and length
 *
 * Says on standard error which file it is and how long the key, or what is wrong.
 * Returns: 0 or an errno.
 */
int key_file_read(const char *path, const char *image, struct key_file *out);

/* key_file_forget - overwrite a key */
void key_file_forget(struct key_file *key);

/* key_hash - SHA-256 of nonce and key */
void key_hash(const struct key_file *key, const uint8_t nonce[KEY_HASH],
	      uint8_t out[KEY_HASH]);

/* key_hex - 64 digits as 32 bytes; false when it is anything else */
bool key_hex(const char *text, uint8_t out[KEY_HASH]);

#endif
