/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_SCAN_H
#define VHD_TOOLS_CLASSIC_SCAN_H

/*
 * scan: one line for each image.
 *
 * Targets are named first (scan_files.c, scan_volumes.c), and -a appends to their
 * list while it is walked.  A target becomes an image (scan_image.c,
 * scan_parent.c), and an image a line (scan_line.c), at once or as part of a tree
 * (scan_tree.c).  Volumes are found by lvm.c and read where they lie on the disk
 * below, so nobody has to activate them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classic/lvm.h"

enum { SCAN_KEYHASH = 32, SCAN_PATH = 4096 };

/* What the command line asks for. */
struct scan_opts {
	bool fast;		/* -f: the first sectors only */
	bool keep_on;		/* -c: whatever is wrong */
	bool whole_names;	/* -v */
	bool attrs;		/* -M: marker and key hash */
	bool parents;		/* -a */
	bool tree;		/* -p */
	const char *pattern;	/* -m */
	const char *group;	/* -l */
};

/**
 * struct scan_target - a file or volume to look at
 *
 * @name:   path as given or found, or name of a volume
 * @volume: NULL: a file
 * @linked: named by nothing but a child
 * @raw:    a child says that it is no VHD
 */
struct scan_target {
	char *name;
	const struct lvm_volume *volume;
	bool linked;
	bool raw;
};

struct scan_index;

/** struct scan_list - targets in order; @seen knows those that were named */
struct scan_list {
	struct scan_target *targets;
	size_t count;
	size_t room;
	struct scan_index *seen;
};

/**
 * struct scan_image - what is known of a target
 *
 * @name:        what is printed
 * @error:       positive errno, or 0; nothing but @name, @key and @message counts
 *               then
 * @message:     what failed
 * @absent:      nothing is there
 * @key:         names the file or volume, whatever path leads to it; or NULL
 * @parent:      what is printed; NULL: it has none
 * @parent_path: where it is, or should be
 * @parent_key:  NULL: not there, or nobody asked
 */
struct scan_image {
	char *name;
	int error;
	const char *message;
	bool absent;
	uint64_t capacity;
	uint64_t size;
	unsigned int hidden;
	unsigned int marker;
	bool has_keyhash;
	uint8_t keyhash[SCAN_KEYHASH];
	char *key;
	char *parent;
	char *parent_path;
	char *parent_key;
	bool parent_raw;
};

/* Messages that several of the files use. */
#define SCAN_TARGET_FAILED "failure scanning target"
#define SCAN_PARENT_FAILED "getting parent"

/*
 * scan_index_put - note @value under @key, unless something is
 *
 * *@index is NULL at first.  Returns: 1; 0 when there is one; -1 without memory.
 */
int scan_index_put(struct scan_index **index, const char *key, size_t value);
bool scan_index_find(const struct scan_index *index, const char *key,
		     size_t *value_out);
void scan_index_free(struct scan_index *index);

/* scan_list_add - false without memory; @name is copied */
bool scan_list_add(struct scan_list *list, const char *name,
		   const struct lvm_volume *volume);

/* scan_list_note - remember what the targets are, for scan_list_link() */
bool scan_list_note(struct scan_list *list);

/* scan_list_link - append the parent of @image, unless it was named already */
bool scan_list_link(struct scan_list *list, const struct scan_image *image,
		    const struct lvm_group *group);
void scan_list_free(struct scan_list *list);

/*
 * scan_files - name the files that -m and the operands mean
 *
 * Says what is missing.  Returns: 0, or the errno that ends the scan.
 */
int scan_files(const struct scan_opts *opts, char *const *operands,
	       struct scan_list *list);

/* scan_volumes - the same for volumes; without any word, all of the group */
int scan_volumes(const struct scan_opts *opts, char *const *operands,
		 const struct lvm_group *group, struct scan_list *list);

/* scan_look - fill @out; it is freed by scan_image_free() whatever it holds */
void scan_look(const struct scan_opts *opts, const struct lvm_group *group,
	       const struct scan_target *target, struct scan_image *out);
void scan_image_free(struct scan_image *image);

/* scan_fail - @image is an error now */
void scan_fail(struct scan_image *image, int error, const char *message);

/*
 * scan_parent - fill in the parent of @out, a differencing image
 *
 * @headers: what was read of it
 */
struct vhd_xen_headers;
void scan_parent(const struct scan_opts *opts, const struct lvm_group *group,
		 const struct scan_target *target,
		 const struct vhd_xen_headers *headers, struct scan_image *out);

/* scan_key - what a file is, whatever its path; NULL when there is none */
char *scan_key(const char *path);

/* scan_base_name - what follows the last "/" */
const char *scan_base_name(const char *path);

/* scan_print - the line of an image; @unseen: its parent is not in the scan */
void scan_print(const struct scan_opts *opts, const struct scan_image *image,
		bool unseen);
void scan_print_error(const char *name, int error, const char *message);

/* scan_print_tree - children below their parents; false without memory */
bool scan_print_tree(const struct scan_opts *opts,
		     const struct scan_image *images, size_t count);

#endif
