/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_LAYER_H
#define VHD_IMAGE_LAYER_H

/*
 * One file of a chain: its io, the engine that understands it, and the few
 * facts that the chain above needs at every read.
 */

#include "engine/engine.h"
#include "io/io_posix.h"

/* Where openings report what is odd; @layer counts from the top. */
struct vhd_reporter {
	void (*fn)(void *arg, uint32_t layer, const char *file,
		   const struct vhd_rule *rule, uint64_t off, const char *msg);
	void *arg;
	/*
	 * Not NULL, and its code 0: for who wants to see as much as there is of
	 * a chain.  One that cannot be completed is opened as far as it goes,
	 * and this is why it goes no further.
	 */
	struct vhd_error *broken;
};

struct vhd_layer {
	struct vhd_io *io;
	const struct vhd_engine *ops;
	void *eng;
	uint64_t size;			/* of the virtual disk */
	uint64_t file_end;		/* length of the file, after a replay */
	bool stranger;		/* not the parent that was recorded */
	struct vhd_guid id;
	enum vhd_format format;
	struct vhd_file_id file_id;
	bool dirty_log;
	bool has_parent;
	uint32_t logical_sector;
	struct vhd_guid disk_id;	/* VHDX only */
};

/* The flags of vhd_open() that are an engine's business. */
enum {
	VHD_LAYER_FLAGS = VHD_OPEN_POISONED | VHD_OPEN_CIPHERTEXT |
			  VHD_OPEN_XEN_PARENT | VHD_OPEN_EXACT |
			  VHD_OPEN_UNZEROED
};

struct vhd_layer_open {
	enum vhd_format format;		/* AUTO probes */
	bool allow_raw;			/* when the probe finds nothing */
	uint64_t cache_bytes;
	enum vhd_size_rule size_rule;
	int64_t now;
	bool writable;
	bool thread;			/* its writer may have one */
	uint32_t flags;			/* of VHD_LAYER_FLAGS */
	uint32_t index;			/* for the reporter */
	const struct vhd_reporter *reporter;	/* may be NULL */
};

/*
 * Takes over @io, also on failure.  @layer is filled on success only; errors
 * name the file.
 */
int vhd_layer_open(struct vhd_io *io, const struct vhd_layer_open *how,
		   struct vhd_layer *layer, struct vhd_error *err);

/* The budget of the cache of layer @index, opened for reading, when @asked for
 * so much; 0: the default, which is less for layers far down. */
uint64_t vhd_layer_cache(uint64_t asked, uint32_t index);

/* What the layer says of a range; @moving: the bytes are about to be moved, so
 * that holes of the file need not be found.  Errors name the file. */
int vhd_layer_run(const struct vhd_layer *layer, bool moving, uint64_t off,
		  uint64_t len, struct vhd_run *run, struct vhd_error *err);

/* Commits what was written and releases all; reports the first failure. */
int vhd_layer_close(struct vhd_layer *layer, struct vhd_error *err);

#endif
