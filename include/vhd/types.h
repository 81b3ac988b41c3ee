/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TYPES_H
#define VHD_TYPES_H

/*
 * Types and constants shared by every public header of libvhd.
 *
 * Units: every size and offset is a uint64_t that counts bytes.  There are no
 * sectors, blocks or MiB in this interface, except where a name says so.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VHD_VERSION_MAJOR 0
#define VHD_VERSION_MINOR 1
#define VHD_VERSION_PATCH 0
/** VHD_VERSION - the version of these headers, comparable as a number */
#define VHD_VERSION \
	(VHD_VERSION_MAJOR * 10000 + VHD_VERSION_MINOR * 100 + VHD_VERSION_PATCH)
#define VHD_VERSION_STRING "0.1.0"

#if defined(__GNUC__)
#define VHD_API __attribute__((visibility("default")))
#define VHD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define VHD_API
#define VHD_PRINTF(fmt, args)
#endif

/** VHD_NO_OFFSET - "no place in the file": in errors, findings and extents */
#define VHD_NO_OFFSET UINT64_MAX

/**
 * struct vhd_guid - a GUID in the order of its text form
 *
 * b[0] holds the first two hexadecimal digits of the text, whatever byte order
 * the file uses (VHD-F-35, VHDX-GEN-02).
 */
struct vhd_guid {
	uint8_t b[16];
};

/** VHD_GUID_TEXT - size of a GUID's text form, its NUL included */
#define VHD_GUID_TEXT 37

/** enum vhd_format - what kind of file holds a disk */
enum vhd_format {
	VHD_FORMAT_AUTO = 0,	/* not known, or: find out */
	VHD_FORMAT_RAW = 1,	/* the bytes of the disk, nothing else */
	VHD_FORMAT_VHD = 2,	/* VHD 1.0, "conectix" */
	VHD_FORMAT_VHDX = 3	/* VHDX 1, "vhdxfile" */
};

/** enum vhd_type - how an image stores its blocks */
enum vhd_type {
	VHD_TYPE_DEFAULT = 0,	/* let the library choose (dynamic) */
	VHD_TYPE_FIXED = 2,	/* all space allocated */
	VHD_TYPE_DYNAMIC = 3,	/* blocks allocated when written */
	VHD_TYPE_DIFF = 4	/* dynamic, the rest comes from a parent */
};

/** enum vhd_extent_kind - where the bytes of a guest range come from */
enum vhd_extent_kind {
	VHD_EXTENT_DATA = 0,	/* in a file of the chain, at file_off */
	VHD_EXTENT_ZERO = 1	/* reads as zeros, no file is needed */
};

/* Flags of an extent. */
enum {
	/* The file stores or reserves space for this range. */
	VHD_EXTENT_ALLOCATED = 1 << 0,
	/* No layer of the chain says anything about this range. */
	VHD_EXTENT_UNMAPPED = 1 << 1
};

/**
 * struct vhd_extent - a run of guest bytes that have one source
 *
 * @off:      first guest byte
 * @len:      bytes, never 0
 * @file_off: place of the first byte in the file of @layer; VHD_NO_OFFSET for
 *            VHD_EXTENT_ZERO.  The range [file_off, file_off + len) may end
 *            past the end of that file (VHDX-BAT-09): the rest reads as zeros.
 * @kind:     data or zeros
 * @layer:    layer that decided: 0 is the image itself, 1 its parent, ...
 * @flags:    VHD_EXTENT_ALLOCATED, VHD_EXTENT_UNMAPPED
 */
struct vhd_extent {
	uint64_t off;
	uint64_t len;
	uint64_t file_off;
	enum vhd_extent_kind kind;
	uint32_t layer;
	uint32_t flags;
};

/** enum vhd_log_level - how much a message to the log callback matters */
enum vhd_log_level {
	VHD_LOG_DEBUG = 0,	/* findings of severity info */
	VHD_LOG_INFO = 1,	/* deviations that do not matter for reading */
	VHD_LOG_WARNING = 2	/* the image is damaged, but can be read */
};

/**
 * vhd_progress_fn - told how far a long operation is
 *
 * @arg:   the caller's
 * @done:  units done, never decreasing
 * @total: units in all, constant, may be 0 when there is nothing to do
 *
 * Returns: true to go on, false to cancel; the operation then fails with
 *          VHD_E_CANCELLED and leaves nothing behind.
 */
typedef bool (*vhd_progress_fn)(void *arg, uint64_t done, uint64_t total);

/**
 * vhd_version_string - the version of the library that is loaded
 *
 * Returns: text such as "0.1.0", valid for ever.
 * Threads: any.
 */
VHD_API const char *vhd_version_string(void);

/**
 * vhd_guid_format - write a GUID as text
 *
 * @guid: the GUID
 * @text: receives 36 lower-case characters and a NUL
 *
 * Threads: any.
 */
VHD_API void vhd_guid_format(const struct vhd_guid *guid,
			     char text[VHD_GUID_TEXT]);

/**
 * vhd_guid_parse - read a GUID from its text form
 *
 * @text:     8-4-4-4-12 hexadecimal digits in any case, braces allowed
 * @guid_out: written on success only
 *
 * Returns: true when @text is a GUID and nothing else.
 * Threads: any.
 */
VHD_API bool vhd_guid_parse(const char *text, struct vhd_guid *guid_out);

/**
 * vhd_format_name - a format's name: "raw", "vhd", "vhdx"; "unknown" otherwise
 *
 * Threads: any.
 */
VHD_API const char *vhd_format_name(enum vhd_format format);

/**
 * vhd_type_name - a type's name: "fixed", "dynamic", "differencing"
 *
 * Returns: "default" for VHD_TYPE_DEFAULT, "unknown" for other values.
 * Threads: any.
 */
VHD_API const char *vhd_type_name(enum vhd_type type);

#ifdef __cplusplus
}
#endif
#endif
