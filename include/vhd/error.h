/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_ERROR_H
#define VHD_ERROR_H

/*
 * Errors and format rules.
 *
 * A function that can fail returns 0 or one of the negative codes below and
 * takes a `struct vhd_error *` as its last argument, which may be NULL.  The
 * object is the caller's, lives on its stack and needs no initialisation: it is
 * written on failure only, once, where the fault was found.
 */

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Status codes; a promise of the ABI, never renumbered. */
enum vhd_status {
	VHD_OK = 0,
	VHD_E_INVAL = -1,	/* the caller asked for something impossible */
	VHD_E_NOMEM = -2,	/* no memory */
	VHD_E_IO = -3,		/* the system refused; os_errno says why */
	VHD_E_NOSPACE = -4,	/* the file system or the format is full */
	VHD_E_EXISTS = -5,	/* the target exists and may not be replaced */
	VHD_E_BUSY = -6,	/* the image is in use by another program */
	VHD_E_FORMAT = -7,	/* not an image of any known format */
	VHD_E_CORRUPT = -8,	/* a rule of the format is broken */
	VHD_E_UNSUPPORTED = -9,	/* sound, but not something we can use */
	VHD_E_PARENT = -10,	/* a parent is missing or is not the right one */
	VHD_E_POLICY = -11,	/* a parent lies where it may not lie */
	VHD_E_RANGE = -12,	/* past the end of the virtual disk */
	VHD_E_READONLY = -13,	/* the image was opened for reading */
	VHD_E_POISONED = -14,	/* an earlier metadata write failed */
	VHD_E_CANCELLED = -15,	/* the progress callback said stop */
	VHD_E_NOTFILE = -16,	/* a directory, FIFO, socket or such */
	VHD_E_REFUSED = -17	/* something would be lost; a flag allows it */
};

/** enum vhd_severity - how bad it is when a rule is broken */
enum vhd_severity {
	VHD_SEV_INFO = 0,	/* worth knowing */
	VHD_SEV_WARNING = 1,	/* a deviation; the image is usable */
	VHD_SEV_ERROR = 2,	/* data at risk; do not write to it */
	VHD_SEV_FATAL = 3	/* the image cannot be opened */
};

/** enum vhd_repair - what a repair may do about a broken rule */
enum vhd_repair {
	VHD_REPAIR_NONE = 0,	/* nothing sensible can be done */
	VHD_REPAIR_AUTO = 1,	/* safe without asking */
	VHD_REPAIR_ASK = 2	/* possible, needs the owner's consent */
};

/**
 * struct vhd_rule - one thing a format demands
 *
 * @name:     unique word, such as "VHDX_LOG_NO_SEQUENCE"; never reused
 * @id:       invariant of the format notes, such as "VHDX-CHK-13"; several
 *            rules may refine one invariant
 * @clause:   rules of the format notes behind it, such as "VHDX-LOG-26"
 * @sentence: what is wrong when it is broken
 * @severity: how bad that is
 * @repair:   what can be done about it
 */
struct vhd_rule {
	const char *name;
	const char *id;
	const char *clause;
	const char *sentence;
	enum vhd_severity severity;
	enum vhd_repair repair;
};

/**
 * struct vhd_error - what went wrong
 *
 * @code:     a vhd_status other than VHD_OK
 * @os_errno: errno of the failing system call, or 0
 * @rule:     the format rule that was broken, or NULL; lives for ever
 * @off:      byte in @file where it shows, or VHD_NO_OFFSET
 * @file:     name of the file concerned; empty when none is. A longer name
 *            keeps its end.
 * @msg:      one sentence, present tense, no newline, no file name in front
 */
struct vhd_error {
	int code;
	int os_errno;
	const struct vhd_rule *rule;
	uint64_t off;
	char file[256];
	char msg[768];
};

/**
 * vhd_status_name - the name of a status code, such as "VHD_E_CORRUPT"
 *
 * Threads: any.
 */
VHD_API const char *vhd_status_name(int code);

/**
 * vhd_severity_name - "info", "warning", "error" or "fatal"
 *
 * Threads: any.
 */
VHD_API const char *vhd_severity_name(enum vhd_severity severity);

/**
 * vhd_rules - all rules this library knows
 *
 * @count_out: receives their number; may be NULL
 *
 * Returns: an array that lives for ever.
 * Threads: any.
 */
VHD_API const struct vhd_rule *vhd_rules(size_t *count_out);

#ifdef __cplusplus
}
#endif
#endif
