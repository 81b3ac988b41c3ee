/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_DIGEST_H
#define VHD_TOOLS_DIGEST_H

/*
 * What a disk holds, in a number and in a list: docs/digest.md is the contract.
 *
 * The list names each block that is not all zeros, with its SHA-256; the digest
 * of the disk is the SHA-256 of the list.  So a disk of any size costs as much as
 * what is in it.
 */

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>

#include <vhd/vhd.h>

#include "cli.h"
#include "progress.h"

enum { DIGEST_HEX = 2 * SHA256_DIGEST_SIZE + 1 };

/* The text of a hash; @ctx starts anew. */
void digest_hex(struct sha256_ctx *ctx, char hex[DIGEST_HEX]);

/* Told of a block that is not zeros; 0 to go on, or a failure, with @err. */
typedef int (*digest_block_fn)(void *arg, uint64_t off, uint64_t len,
			       const char hex[DIGEST_HEX],
			       struct vhd_error *err);

/*
 * digest_walk - hash the blocks of a disk, in order
 *
 * @block: bytes of one, the last may be shorter
 * @flat:  if not NULL, gets all bytes of the disk, the zeros too
 */
int digest_walk(struct vhd_image *img, uint64_t block, struct sha256_ctx *flat,
		struct progress *pr, digest_block_fn fn, void *arg,
		struct vhd_error *err);

/* struct manifest_writer - the list on its way; @file may be NULL */
struct manifest_writer {
	FILE *file;
	struct sha256_ctx ctx;
	uint64_t blocks;
};

void manifest_begin(struct manifest_writer *w, FILE *file, uint64_t size,
		    uint64_t block);
void manifest_add(struct manifest_writer *w, uint64_t off,
		  const char hex[DIGEST_HEX]);
/* The digest of the disk; the last line of the list says it. */
void manifest_end(struct manifest_writer *w, char hex[DIGEST_HEX]);

/* struct manifest - a list that is read; @off and @hex are of the next block */
struct manifest {
	FILE *file;
	uint64_t size, block;
	uint64_t off;
	char hex[DIGEST_HEX];
	bool more;
	uint64_t line;
};

/* Whether a file begins as a manifest does. */
bool manifest_is(const char *path);

/*
 * manifest_open - open a list, hold all of it against its last line, and stand
 * before its first block
 *
 * Returns: 0; VHD_E_IO, VHD_E_FORMAT, VHD_E_CORRUPT.
 */
int manifest_open(struct manifest *m, const char *path, struct vhd_error *err);
/* manifest_next - behind the present block; !@m->more: there is none */
int manifest_next(struct manifest *m, struct vhd_error *err);
void manifest_close(struct manifest *m);

/*
 * digest_verify - compare a disk with the list in @path, and say what differs
 *
 * Returns: the status to exit with.
 */
int digest_verify(struct cli *cli, struct vhd_image *img, const char *path,
		  bool json, bool bar);

#endif
