/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_ENGINE_ENGINE_H
#define VHD_ENGINE_ENGINE_H

/*
 * What a format has to answer: the table through which the image layer sees
 * VHD, VHDX and raw files.  One open file is one engine object; chains are
 * built above.
 *
 * An engine opens from headers alone, keeps nothing in memory that grows with
 * the disk, never copies guest data, and never changes a file it was given for
 * reading.
 */

#include "base/sink.h"
#include "engine/repair.h"
#include "engine/reshape.h"
#include "io/io.h"
#include "vhd/error.h"
#include "vhd/image.h"

enum vhd_run_kind {
	VHD_RUN_DATA,		/* at file_off of this file */
	VHD_RUN_ZERO,		/* zeros, whatever a parent says */
	VHD_RUN_PARENT		/* this file says nothing: ask the parent */
};

/* A run of guest bytes with one answer.  Flags are VHD_EXTENT_ALLOCATED. */
struct vhd_run {
	uint64_t len;
	uint64_t file_off;	/* VHD_RUN_DATA */
	enum vhd_run_kind kind;
	uint32_t flags;
};

struct vhd_engine_open {
	struct vhd_io *io;	/* stays the caller's; outlives the engine */
	uint64_t cache_bytes;
	enum vhd_size_rule size_rule;
	int64_t now;		/* Unix time for time stamp findings; 0: none */
	bool writable;		/* replay a log in place, and make a writer */
	bool thread;		/* the writer may have a thread */
	/* VHD_OPEN_POISONED, VHD_OPEN_CIPHERTEXT, and VHD_OPEN_XEN_PARENT: the
	 * locators of vhd_parent_ref come in the order of their slots; for
	 * writing VHD_OPEN_EXACT, VHD_OPEN_UNZEROED. */
	uint32_t flags;
	struct vhd_sink sink;	/* copied; what is odd but no error */
};

/* How a child recognises and finds its parent. */
struct vhd_parent_ref {
	bool raw;		/* the parent is a raw disk: nothing to verify */
	struct vhd_guid ids[2];	/* the parent's identity is one of these */
	size_t id_count;
	int64_t timestamp;	/* recorded time of the parent, Unix; 0: none */
	const struct vhd_locator *locators;	/* in the order to try them */
	size_t locator_count;	/* texts and array belong to the engine */
};

struct vhd_engine_check {
	int64_t now;
	bool deep;		/* look into bitmaps and data too */
	struct vhd_sink sink;
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
	uint64_t blocks;	/* out: table entries looked at */
};

/* What to build; every field is decided and validated against the format by
 * the engine's build(). */
struct vhd_build {
	enum vhd_type type;
	uint64_t virtual_size;
	uint64_t block_size;
	uint32_t logical_sector;
	uint32_t physical_sector;
	uint32_t flags;		/* VHD_CREATE_PREALLOCATE */
	bool xen;		/* VHD: creator "tap" with a batmap */
	bool exact;		/* Xen: the size to the byte, and up to 2 TiB */
	uint64_t room_size;	/* VHD: the table is long enough for such a disk;
				 * 0: for the disk as it is */
	uint64_t end;		/* VHD: the file is a device of so many bytes,
				 * with anything on it; 0: it is a new file */
	const struct vhd_key_hash *key;	/* Xen; NULL: none */
	int64_t timestamp;	/* Unix; never 0 */
	struct vhd_guid seed;	/* all GUIDs derive from it (base/guid.h) */
	/* Differencing only: */
	bool parent_raw;
	struct vhd_guid parent_id;
	struct vhd_guid parent_disk_id;	/* VHDX-ITEM-07 */
	int64_t parent_timestamp;
	const char *parent_relative;	/* POSIX separators, no leading "./" */
	const char *parent_windows;	/* or NULL */
};

struct vhd_writer;

struct vhd_engine {
	enum vhd_format format;

	/* Is this ours?  Reads little.  Only I/O errors are errors. */
	int (*probe)(struct vhd_io *io, bool *ours_out, struct vhd_error *err);

	int (*open)(const struct vhd_engine_open *req, void **eng_out,
		    struct vhd_error *err);
	void (*close)(void *eng);

	/*
	 * The writer that an open for writing made; the engine's, ended by
	 * shut().  NULL after an open for reading.
	 */
	struct vhd_writer *(*writer)(void *eng);
	/* Before close(): commits, leaves the file clean, ends the writer. */
	int (*shut)(void *eng, struct vhd_error *err);

	/* Fills all fields but size and disk_usage.  Always succeeds. */
	void (*info)(void *eng, struct vhd_info *out);

	/* False when the image has no parent. */
	bool (*parent)(void *eng, struct vhd_parent_ref *out);

	/*
	 * The run that starts at @off; 0 < out->len <= @len.  [off, off + len)
	 * lies inside the disk.  Neighbouring blocks of one kind and place are
	 * merged as far as one look at the table allows; a long unmapped
	 * stretch is passed over using holes in the file.  Thread-safe.
	 */
	int (*map)(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
		   struct vhd_error *err);
	/*
	 * The same for who moves the bytes anyway and does not care whether a
	 * place in the file is a hole.  NULL: map().
	 */
	int (*place_of)(void *eng, uint64_t off, uint64_t len,
			struct vhd_run *out, struct vhd_error *err);

	int (*usage)(void *eng, uint64_t bat_bytes, struct vhd_usage *out,
		     struct vhd_error *err);
	int (*layout)(void *eng, vhd_region_fn fn, void *arg,
		      struct vhd_error *err);

	/* Everything that opening does not look at.  NULL: nothing. */
	int (*check)(void *eng, struct vhd_engine_check *req,
		     struct vhd_error *err);

	/*
	 * Mends what is wrong in a file that need not be one that open()
	 * accepts: see engine/repair.h.  What cannot be mended is no failure.
	 * NULL: nothing ever is.
	 */
	int (*repair)(const struct vhd_engine_repair *req,
		      struct vhd_error *err);

	/*
	 * Changes beyond what a guest can do; what holds for all of them is in
	 * engine/reshape.h.  NULL: the format cannot do that.
	 *
	 * resize() makes the disk larger (new bytes are zeros) or smaller
	 * (blocks behind the new end are given up), durably.
	 */
	int (*resize)(void *eng, const struct vhd_engine_resize *req,
		      struct vhd_error *err);
	/*
	 * Changes what @what->mask names, durably; identity: see identify().
	 * What it would refuse set_check() does as well, and writes nothing.
	 */
	int (*set_check)(void *eng, const struct vhd_attrs *what,
			 struct vhd_error *err);
	int (*set)(void *eng, const struct vhd_attrs *what,
		   struct vhd_error *err);
	/*
	 * What children record of the image is to be @id.  VHDX: before the
	 * first change, that change gives the file this DataWriteGuid and not
	 * a fresh one (its present one: "the guest's bytes stay the same");
	 * after it, durable on return, and all data before it.  VHD: the
	 * unique id, durable on return; nothing is written where it is @id.
	 */
	int (*identify)(void *eng, const struct vhd_guid *id,
			struct vhd_error *err);
	/*
	 * A child's second name for its parent (VHDX-MRG-02), durable on
	 * return; a zero @id clears it.  The child's own identity stays: bytes
	 * of the guest are not changed after it without identify().
	 * NULL: the format has none, and a parent keeps its identity when it
	 * is written to.
	 */
	int (*link2)(void *eng, const struct vhd_guid *id,
		     struct vhd_error *err);
	/*
	 * Records @parent as the parent of a differencing image: identity, time
	 * and names, durably.  A cut leaves the old record or the new one.  The
	 * image's own identity stays, and so does what it stores.  The engine
	 * was opened for writing and nothing was written yet; only shut() and
	 * close() may follow.  With @dry the file stays as it is, and opened for
	 * reading will do.  *@changed_out: the record is, or would be, another.
	 */
	int (*reparent)(void *eng, const struct vhd_engine_parent *parent,
			bool dry, bool *changed_out, struct vhd_error *err);
	/*
	 * The file is about to be packed: on close it may be cut to less than
	 * it had when it was opened.  *@limit_out is where it would end if all
	 * that has a place lay together; blocks at or behind it are to be moved
	 * with vhd_writer_move().  Call again for a better answer after blocks
	 * were dropped.  Space that nothing needs may be given up here already,
	 * durably; where there is none the file is not changed.
	 */
	int (*pack)(void *eng, uint64_t *limit_out, struct vhd_error *err);
	/*
	 * Moves what is no payload block and lies at or behind @limit into
	 * room before it, where there is some, and gives up what nothing needs
	 * any more; durable after the next commit.  NULL: there is nothing.
	 */
	int (*pack_rest)(void *eng, uint64_t limit, struct vhd_error *err);

	/*
	 * Building a new image in the empty file @io (which the caller owns):
	 * build, then place() for whatever has data, then finish().
	 *
	 * place() gives the guest byte @off a home: *file_off_out is where it
	 * goes, *len_out how many bytes follow in one piece.  File space that
	 * is handed out reads as zeros until it is written.  Any order, but
	 * ascending is best.
	 *
	 * finish() writes what makes the file an image, last what makes it
	 * recognisable, and leaves flushing to the caller.  discard() frees the
	 * builder, finished or not.
	 */
	int (*build)(struct vhd_io *io, const struct vhd_build *what,
		     void **bld_out, struct vhd_error *err);
	int (*place)(void *bld, uint64_t off, uint64_t *file_off_out,
		     uint64_t *len_out, struct vhd_error *err);
	int (*finish)(void *bld, struct vhd_error *err);
	void (*discard)(void *bld);
};

#endif
