/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_H
#define VHD_IMAGE_H

/*
 * One virtual disk: an image file, and the chain of parents below it.
 *
 * An image is a function from guest offsets to extents: vhd_resolve() answers
 * where the bytes of a range are, vhd_pread() moves them.
 */

#include "error.h"
#include "io.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open image with its chain. Opaque. */
struct vhd_image;

/* Flags for vhd_open(). */
enum {
	/* Take no lock: the file may change while it is read. */
	VHD_OPEN_NO_LOCK = 1 << 0,
	/* Open this layer only; reading what a parent holds then fails. */
	VHD_OPEN_NO_PARENT = 1 << 1,
	/* Accept a parent whose identity is not the recorded one. */
	VHD_OPEN_IGNORE_PARENT_ID = 1 << 2,
	/* Accept a file that is not an image as a raw disk. */
	VHD_OPEN_ALLOW_RAW = 1 << 3,
	/* A parent may be anywhere: for chains whose makers are trusted. */
	VHD_OPEN_ANY_PARENT_DIR = 1 << 4,
	/* Open the image, not its parents, for writing (vhd/write.h). */
	VHD_OPEN_RDWR = 1 << 5,
	/*
	 * With VHD_OPEN_RDWR: a thread of the library writes metadata that has
	 * waited in memory for half a second.  It is started by the first
	 * change that leaves some waiting, blocks all signals, and ends with
	 * the image.  Without it the caller uses vhd_writeback().
	 */
	VHD_OPEN_THREAD = 1 << 6,
	/* For reading: also a VHD in the middle of a resize with a journal, as
	 * far as its headers lead (VHD-X-20). */
	VHD_OPEN_POISONED = 1 << 7,
	/* The bytes of an encrypted disk as they are stored (VHD-X-15). */
	VHD_OPEN_CIPHERTEXT = 1 << 8,
	/* A parent that is found by its recorded name may be a block device.
	 * That of an image on a block device may be one anyway. */
	VHD_OPEN_DEVICES = 1 << 9,
	/*
	 * The parent of a VHD is the first file that its locators lead to, in
	 * the order of their slots, as Xen's tools take it: none in another
	 * place is looked for, and a file that cannot be used fails the call.
	 */
	VHD_OPEN_XEN_PARENT = 1 << 10,
	/*
	 * For writing to a VHD as Xen's tools do: exactly the sectors that were
	 * written become its own, so nothing is ever copied from a parent for a
	 * whole sector; new blocks lie behind all others; and a file that was
	 * written to ends where its last block does.
	 */
	VHD_OPEN_EXACT = 1 << 11,
	/* With VHD_OPEN_EXACT: sectors of new blocks that are not written hold
	 * anything; nobody reads them. */
	VHD_OPEN_UNZEROED = 1 << 12
};

/** enum vhd_size_rule - how the size of a VHD disk is found (VHD-C-15) */
enum vhd_size_rule {
	VHD_SIZE_CURRENT = 0,	/* the footer's current size (the default) */
	VHD_SIZE_CHS = 1,	/* the geometry, as Virtual PC's guests see it */
	VHD_SIZE_AUTO = 2	/* CHS for creators that mean it, else current */
};

/**
 * struct vhd_open_opts - how to open an image; zero is the default everywhere
 *
 * @size:        sizeof(struct vhd_open_opts)
 * @flags:       VHD_OPEN_*
 * @cache_bytes: budget of the metadata cache, per layer; 0 means 1 MiB, less
 *               from the ninth layer of a chain on (all 64 of one: 24 MiB), and
 *               4 MiB for an image that is opened for writing
 * @format:      VHD_FORMAT_AUTO probes; anything else is believed, of parents
 *               too that are not recorded as raw disks
 * @size_rule:   for VHD images
 * @max_depth:   layers a chain may have; 0 means 256
 * @parent_dirs: directories below which parents may lie, besides the one of
 *               their child; ended by NULL; may be NULL
 * @parents:     files to use as parents, from the image's parent downwards,
 *               instead of looking for them; ended by NULL; may be NULL. Their
 *               identity is still verified. They may lie anywhere.
 * @log:         told what is odd but no error; may be NULL
 * @log_arg:     passed to @log
 *
 * Strings and arrays are not kept after vhd_open() returned.
 */
struct vhd_open_opts {
	uint32_t size;
	uint32_t flags;
	uint64_t cache_bytes;
	enum vhd_format format;
	enum vhd_size_rule size_rule;
	uint32_t max_depth;
	uint32_t reserved;
	const char *const *parent_dirs;
	const char *const *parents;
	void (*log)(void *arg, enum vhd_log_level level, const char *msg);
	void *log_arg;
};
#define VHD_OPEN_OPTS_INIT { .size = sizeof(struct vhd_open_opts) }

/**
 * vhd_open - open an image with all its parents
 *
 * @path:    the image; a VHD, a VHDX, or a raw disk with VHD_OPEN_ALLOW_RAW
 * @opts:    may be NULL
 * @img_out: the image; the caller ends it with vhd_close()
 * @err:     filled on failure; may be NULL
 *
 * Only headers are read: time and memory do not depend on the size of the disk.
 * A parent that is missing or does not match fails the call (VHDX-RD-04).
 *
 * An image opened for reading is not changed: a pending VHDX log is replayed in
 * memory (VHDX-LOG-35).  With VHD_OPEN_RDWR the log is replayed in the file
 * (VHDX-LOG-33); apart from that nothing is written before the first change
 * that is asked for (VHDX-WR-02).  A writer's lock keeps everybody else out, a
 * reader's lock, which the parents get too, keeps writers out.  Images with
 * damage that writing could make worse are refused for writing.
 *
 * Returns: 0; VHD_E_IO, VHD_E_NOTFILE, VHD_E_FORMAT, VHD_E_CORRUPT,
 *          VHD_E_UNSUPPORTED, VHD_E_BUSY, VHD_E_PARENT, VHD_E_POLICY,
 *          VHD_E_READONLY, VHD_E_NOMEM, VHD_E_INVAL.
 * Threads: any.
 * Spec:    VHD-F-50, VHD-L-22, VHD-D-8; VHDX-HDR-01, VHDX-LOG-30, VHDX-LOG-33,
 *          VHDX-PAR-11.
 */
VHD_API int vhd_open(const char *path, const struct vhd_open_opts *opts,
		     struct vhd_image **img_out, struct vhd_error *err);

/**
 * vhd_open_io - open an image in a file of the caller's making
 *
 * @ops:     operations; must stay valid until vhd_close()
 * @handle:  passed to them; closed with ops->close, also when this call fails
 * @name:    what to call it in messages; copied
 * @opts:    may be NULL; parents are found only through @opts->parents
 * @img_out: the image
 * @err:     may be NULL
 *
 * Returns: as vhd_open().
 * Threads: any.
 */
VHD_API int vhd_open_io(const struct vhd_io_ops *ops, void *handle,
			const char *name, const struct vhd_open_opts *opts,
			struct vhd_image **img_out, struct vhd_error *err);

/**
 * vhd_close - end an image
 *
 * @img: the image, set to NULL; NULL or a pointer to NULL is fine
 * @err: may be NULL
 *
 * Everything is released whatever is returned.  An image that was written to is
 * made durable first, its log is closed, and space that hangs over at the end of
 * its file is cut off (VHDX-CLS, VHD-W-22).
 *
 * Returns: 0 or the first failure met; for an image that an earlier failure
 *          poisoned, that failure. It can be opened again; what was flushed
 *          before the failure is there.
 * Threads: no other call on the image may be running.
 */
VHD_API int vhd_close(struct vhd_image **img, struct vhd_error *err);

/**
 * vhd_size - bytes of the virtual disk
 *
 * Threads: any.
 */
VHD_API uint64_t vhd_size(const struct vhd_image *img);

/**
 * vhd_pread - read from the virtual disk
 *
 * @img: the image
 * @buf: receives @len bytes
 * @len: bytes; any length
 * @off: byte offset in the disk, any alignment; @off + @len must not pass its
 *       end
 * @err: may be NULL
 *
 * Returns: 0; VHD_E_RANGE, VHD_E_IO, VHD_E_CORRUPT, VHD_E_PARENT. On failure
 *          the contents of @buf are undefined.
 * Threads: any number beside each other on one image.
 * Spec:    VHD-D-8; VHDX-RD.
 */
VHD_API int vhd_pread(struct vhd_image *img, void *buf, size_t len,
		      uint64_t off, struct vhd_error *err);

/**
 * vhd_preadv - read from the virtual disk into several pieces of memory
 *
 * As vhd_pread(); the lengths of @iov add up to the length of the read.
 */
VHD_API int vhd_preadv(struct vhd_image *img, const struct vhd_iov *iov,
		       int cnt, uint64_t off, struct vhd_error *err);

/**
 * vhd_resolve - find out where the bytes of a guest range are
 *
 * @img:   the image
 * @off:   first guest byte
 * @len:   bytes; must be > 0 and stay inside the disk
 * @ext:   receives up to @max extents, in order, without gaps, from @off on;
 *         neighbours of one kind and place are merged
 * @max:   at least 1
 * @n_out: extents written; they may cover less than @len: call again
 * @err:   may be NULL
 *
 * No guest data is read.  On an image that is being written to the answer may be
 * old when it arrives: use vhd_read_begin() there.
 *
 * Returns: 0; VHD_E_RANGE, VHD_E_IO, VHD_E_CORRUPT, VHD_E_PARENT, VHD_E_INVAL.
 * Threads: any number beside each other and vhd_pread().
 */
VHD_API int vhd_resolve(struct vhd_image *img, uint64_t off, uint64_t len,
			struct vhd_extent *ext, size_t max, size_t *n_out,
			struct vhd_error *err);

/**
 * vhd_layers - number of layers of the chain, at least 1
 *
 * Threads: any.
 */
VHD_API uint32_t vhd_layers(const struct vhd_image *img);

/**
 * vhd_layer_path - name of the file of a layer, as it was opened
 *
 * Returns: text that lives until vhd_close(); NULL when there is no such layer.
 * Threads: any.
 */
VHD_API const char *vhd_layer_path(const struct vhd_image *img,
				   uint32_t layer);

/**
 * vhd_layer_fd - POSIX descriptor of the file of a layer
 *
 * For callers that move bytes themselves: an extent's file_off is an offset in
 * it.  It belongs to the image.
 *
 * Returns: the descriptor or -1.
 * Threads: any.
 */
VHD_API int vhd_layer_fd(const struct vhd_image *img, uint32_t layer);

/**
 * vhd_layer_image - the disk as one of the layers below shows it
 *
 * @img:     the image
 * @layer:   below vhd_layers(); 0 only when @img was opened for reading
 * @img_out: a read-only image whose layer 0 is layer @layer of @img; it shares
 *           files and caches with @img and must be closed before it
 * @err:     may be NULL
 *
 * Returns: 0, VHD_E_INVAL, VHD_E_NOMEM.
 * Threads: any.
 */
VHD_API int vhd_layer_image(struct vhd_image *img, uint32_t layer,
			    struct vhd_image **img_out, struct vhd_error *err);

/** enum vhd_log_state - what the log of a VHDX holds */
enum vhd_log_state {
	VHD_LOG_NONE = 0,	/* the format has no log */
	VHD_LOG_CLEAN = 1,	/* nothing to replay */
	VHD_LOG_REPLAYED = 2	/* pending; replayed in memory for this open */
};

/** Which copies of a doubled structure were found sound. */
enum {
	VHD_COPY_FIRST = 1 << 0,
	VHD_COPY_SECOND = 1 << 1
};

/**
 * struct vhd_info_vhd - what the footer and header of a VHD say (vhd.md 2, 4)
 *
 * Times are seconds since 1970.  @footer_used and @footers_ok name the copy at
 * offset 0 as VHD_COPY_FIRST and the trailing footer as VHD_COPY_SECOND.
 */
struct vhd_info_vhd {
	uint32_t features;
	uint32_t format_version;
	uint64_t data_offset;
	int64_t timestamp;
	char creator_app[5];		/* as found; unprintable bytes are '?' */
	char creator_os[5];
	uint32_t creator_version;
	uint64_t original_size;
	uint64_t current_size;
	uint64_t chs_size;
	uint32_t cylinders, heads, sectors_per_track;
	uint32_t disk_type;
	struct vhd_guid unique_id;
	bool saved_state;
	bool hidden;
	uint32_t footers_ok;
	uint32_t footer_used;
	uint64_t bat_off;
	uint32_t bat_entries;
	bool has_batmap;
	bool has_keyhash;
	uint64_t batmap_off;
	struct vhd_guid parent_unique_id;
	int64_t parent_timestamp;
	char parent_name[772];		/* UTF-8 of the header's name field */
};

/** struct vhd_info_vhdx - what the headers of a VHDX say (vhdx.md 3 - 7) */
struct vhd_info_vhdx {
	char creator[772];		/* UTF-8, lone surrogates replaced */
	uint32_t headers_ok;
	uint32_t header_used;
	uint32_t region_tables_ok;
	uint64_t header_seq;
	struct vhd_guid file_write_guid;
	struct vhd_guid data_write_guid;
	struct vhd_guid log_guid;
	uint32_t log_version, version;
	uint64_t log_off, log_len;
	uint64_t bat_off, bat_len;
	uint64_t metadata_off, metadata_len;
	bool leave_allocated;
	struct vhd_guid disk_id;
	uint64_t log_entries;		/* entries replayed */
	uint64_t log_pages;		/* pages and zero ranges replayed */
	uint64_t replayed_file_size;	/* length of the file after a replay */
};

/**
 * struct vhd_key_hash - what the key of an encrypted disk is known by (VHD-X-15)
 *
 * @hash: SHA-256 of @nonce and the key behind it
 */
struct vhd_key_hash {
	uint8_t nonce[32];
	uint8_t hash[32];
};

/**
 * struct vhd_info - one layer of a chain
 *
 * @size:    sizeof(struct vhd_info), set by the caller; fields past it are not
 *           written
 * @id:      what a child records to recognise this file: VHD unique id, VHDX
 *           DataWriteGuid; zero for raw
 * @block_size: bytes of a payload block; 0 for raw and fixed VHD
 * @file_size:  present length of the file
 * @disk_usage: bytes that the file occupies on its file system; VHD_NO_OFFSET
 *              when not known
 * @key:        where vhd.has_keyhash says that there is one
 */
struct vhd_info {
	uint32_t size;
	enum vhd_format format;
	enum vhd_type type;
	enum vhd_log_state log;
	uint64_t virtual_size;
	uint64_t block_size;
	uint64_t block_count;
	uint32_t logical_sector;
	uint32_t physical_sector;
	uint64_t file_size;
	uint64_t disk_usage;
	struct vhd_guid id;
	bool has_parent;
	bool raw_parent;
	struct vhd_info_vhd vhd;
	struct vhd_info_vhdx vhdx;
	struct vhd_key_hash key;
};

/**
 * vhd_layer_info - describe a layer
 *
 * @img:      the image
 * @layer:    below vhd_layers()
 * @info_out: its size field says how much room there is
 * @err:      may be NULL
 *
 * Returns: 0, VHD_E_INVAL, VHD_E_IO.
 * Threads: any.
 */
VHD_API int vhd_layer_info(struct vhd_image *img, uint32_t layer,
			   struct vhd_info *info_out, struct vhd_error *err);

/** enum vhd_locator_kind - how a recorded name of a parent is meant */
enum vhd_locator_kind {
	VHD_LOCATOR_RELATIVE = 0,	/* from the directory of the child */
	VHD_LOCATOR_ABSOLUTE = 1,	/* a full path on its maker's machine */
	VHD_LOCATOR_VOLUME = 2,		/* below a Windows volume GUID */
	VHD_LOCATOR_NAME = 3		/* a bare name (VHD header) */
};

/**
 * struct vhd_locator - one recorded name of a parent
 *
 * @kind: how it is meant
 * @code: where it came from: "W2ru", "MacX", "relative_path", "name", ...
 * @text: UTF-8, as recorded
 */
struct vhd_locator {
	enum vhd_locator_kind kind;
	char code[24];
	const char *text;
};

/**
 * vhd_layer_locators - the names a layer records for its parent
 *
 * @img:   the image
 * @layer: below vhd_layers()
 * @loc:   receives up to @max of them, in the order they are tried; the texts
 *         live until vhd_close()
 * @max:   room in @loc
 *
 * Returns: how many there are, which may be more than @max.
 * Threads: any.
 */
VHD_API size_t vhd_layer_locators(const struct vhd_image *img, uint32_t layer,
				  struct vhd_locator *loc, size_t max);

/**
 * struct vhd_usage - how much of a layer is allocated
 *
 * @blocks_data:    payload blocks with space in the file
 * @blocks_partial: of these, blocks that hold only some of their sectors; 0
 *                  when @partial_known is false
 * @blocks_zero:    blocks recorded as zeros
 * @data_bytes:     bytes of payload space
 * @complete:       false when the table is larger than the caller's budget and
 *                  the counts are therefore not there
 * @partial_known:  false when the sector bitmaps (VHD) would have taken more
 *                  than the caller's budget
 */
struct vhd_usage {
	uint64_t blocks_data;
	uint64_t blocks_partial;
	uint64_t blocks_zero;
	uint64_t data_bytes;
	bool complete;
	bool partial_known;
};

/**
 * vhd_layer_usage - count the allocated blocks of a layer
 *
 * @img:       the image
 * @layer:     below vhd_layers()
 * @bat_bytes: give up (complete = false) when more of the block allocation
 *             table than this would have to be read, holes being free; what is
 *             left of it may be read of sector bitmaps, a page each
 * @out:       the counts
 * @err:       may be NULL
 *
 * Returns: 0, VHD_E_INVAL, VHD_E_IO, VHD_E_CORRUPT.
 * Threads: as vhd_pread().
 */
VHD_API int vhd_layer_usage(struct vhd_image *img, uint32_t layer,
			    uint64_t bat_bytes, struct vhd_usage *out,
			    struct vhd_error *err);

/** enum vhd_region_kind - what a range of an image file holds */
enum vhd_region_kind {
	VHD_REGION_HEADER = 0,	/* footers, headers, region tables */
	VHD_REGION_LOG = 1,
	VHD_REGION_METADATA = 2,	/* metadata, parent locators, batmap */
	VHD_REGION_BAT = 3,
	VHD_REGION_BITMAP = 4,
	VHD_REGION_DATA = 5,	/* payload */
	VHD_REGION_RESERVED = 6	/* space kept by a block that reads as zeros */
};

/**
 * vhd_region_fn - told of one range of the file
 *
 * @block: number of the payload block for BITMAP (VHD), DATA and RESERVED; of
 *         the chunk for BITMAP (VHDX); else VHD_NO_OFFSET
 *
 * Returns: true to go on, false to end the walk early (which is no error).
 */
typedef bool (*vhd_region_fn)(void *arg, enum vhd_region_kind kind,
			      uint64_t file_off, uint64_t len, uint64_t block);

/**
 * vhd_layer_layout - walk what a layer's file holds
 *
 * Ranges come in the order of the table, not of the file; what is never named
 * is free.  Memory does not depend on the size of the disk.
 *
 * Returns: 0, VHD_E_INVAL, VHD_E_IO, VHD_E_CORRUPT.
 * Threads: as vhd_pread().
 */
VHD_API int vhd_layer_layout(struct vhd_image *img, uint32_t layer,
			     vhd_region_fn fn, void *arg,
			     struct vhd_error *err);

/**
 * struct vhd_io_stats - calls that reached the file of a layer
 */
struct vhd_io_stats {
	uint64_t reads, read_bytes;
	uint64_t writes, write_bytes;
	uint64_t flushes;
};

/**
 * vhd_layer_io_stats - count the calls made to a layer's file so far
 *
 * Threads: any; the counts are approximate while others read.
 */
VHD_API void vhd_layer_io_stats(const struct vhd_image *img, uint32_t layer,
				struct vhd_io_stats *out);

#ifdef __cplusplus
}
#endif
#endif
