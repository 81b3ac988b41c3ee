/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_NAMES_H
#define VHD_NBDKIT_NAMES_H

/*
 * Names of exports: "disk", "p1" (a partition, numbered as Linux does) and
 * "layer0" (what a layer of the chain shows; 0 is the base).
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum name_kind {
	NAME_DISK = 0,
	NAME_PARTITION = 1,
	NAME_LAYER = 2
};

struct name {
	enum name_kind kind;
	uint32_t number;
};

/* NAME_TEXT - room for the text of any name */
#define NAME_TEXT 24

void name_print(const struct name *name, char text[NAME_TEXT]);

/* name_default - what a client gets that asks for no name */
struct name name_default(const struct config *cfg);

/* name_find - the name a client asked for; false when there is no such export */
bool name_find(const struct config *cfg, const char *text,
	       struct name *name_out);

#endif
