/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_NEW_IMAGE_H
#define VHD_TOOLS_CLASSIC_NEW_IMAGE_H

/* What the verbs that make images have in common. */

#include <stdbool.h>
#include <stdint.h>

#include <vhd/vhd.h>

/* The most MiB that a disk can have: 2 TiB. */
enum { NEW_IMAGE_MIB = 2 << 20 };

/* A number of MiB that a disk can have; false: it is none. */
bool new_image_mib(const char *text, uint64_t *mib_out);

/* MiB as bytes, rounded up to blocks of 2 MiB. */
uint64_t new_image_bytes(uint64_t mib);

/*
 * The exit status after the image @name could not be made, which is printed to
 * standard error when it is about that file and not another one.
 */
int new_image_failed(const char *name, const struct vhd_error *err);

/* Is it that the file could not be made, for its name or where it would be? */
bool new_image_no_file(const struct vhd_error *err);

#endif
