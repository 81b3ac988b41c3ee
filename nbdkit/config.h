/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_CONFIG_H
#define VHD_NBDKIT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhd/image.h>

/* A list of strings that ends with NULL. */
struct config_list {
	char **items;
	size_t count;
};

/**
 * struct config - what the keys on the command line said
 *
 * @file:         the image, an absolute path
 * @parents:      files to use as parents, from the image's parent downwards
 * @parent_dirs:  where parents may lie
 * @flags:        VHD_OPEN_* that keys asked for
 * @format:       of the image
 * @has_layer:    only @layer of the chain is served
 * @layer:        counted from the base, which is 0
 * @partition:    only this one is served; 0 means all
 * @write_parent: an image that has children may be written to
 * @layers:       clients may ask for layers
 * @seen:         bit per key, to find those given twice
 */
struct config {
	char *file;
	struct config_list parents;
	struct config_list parent_dirs;
	uint32_t flags;
	enum vhd_format format;
	bool has_layer;
	uint32_t layer;
	uint32_t partition;
	bool write_parent;
	bool layers;
	uint32_t seen;
};

/* The text of `nbdkit vhd --help`. */
extern const char config_help[];

/* config_key - take one KEY=VALUE; returns 0, or -1 after saying what is wrong */
int config_key(struct config *cfg, const char *key, const char *value);

/* config_done - all keys were given: do they make sense? */
int config_done(const struct config *cfg);

void config_free(struct config *cfg);

#endif
