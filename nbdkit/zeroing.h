/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_ZEROING_H
#define VHD_NBDKIT_ZEROING_H

#include <stdbool.h>
#include <stdint.h>

#include <vhd/image.h>

/**
 * struct zeroing - what making zeros costs in the file that holds the image
 *
 * @punch: holes can be made
 * @range: a range can become zeros and keep its space
 * @keeps: the image keeps the space of what is zeroed, whoever asks
 */
struct zeroing {
	bool punch;
	bool range;
	bool keeps;
};

/* zeroing_probe - find out, without touching the image */
void zeroing_probe(struct zeroing *z, struct vhd_image *img, const char *path);

/*
 * zeroing_is_fast - would zeroing this range do without writing zeros?
 *
 * @may_trim: the space may be given back
 */
bool zeroing_is_fast(const struct zeroing *z, struct vhd_image *img,
		     uint64_t off, uint64_t len, bool may_trim);

#endif
