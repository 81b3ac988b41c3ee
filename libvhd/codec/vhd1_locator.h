/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_LOCATOR_H
#define VHD_CODEC_VHD1_LOCATOR_H

/*
 * Parent locators: names of the parent, each in the form of some platform
 * (VHD-L).  Payloads become UTF-8 with the separators they were recorded with;
 * whoever looks for the file knows what to do with them.
 */

#include <stdbool.h>

#include "codec/vhd1_disk.h"
#include "vhd/image.h"

/* Platform codes: four characters, big-endian. */
#define VHD1_LOC_WI2R	UINT32_C(0x57693272)	/* relative, 8-bit */
#define VHD1_LOC_WI2K	UINT32_C(0x5769326b)	/* absolute, 8-bit */
#define VHD1_LOC_W2RU	UINT32_C(0x57327275)	/* relative, UTF-16LE */
#define VHD1_LOC_W2KU	UINT32_C(0x57326b75)	/* absolute, UTF-16LE */
#define VHD1_LOC_MAC	UINT32_C(0x4d616320)	/* alias: no text */
#define VHD1_LOC_MACX	UINT32_C(0x4d616358)	/* file URL, UTF-8 */

/* VHD-L-23: longer payloads are not looked at. */
#define VHD1_LOC_LEN_MAX	UINT32_C(65536)

struct vhd1_locator {
	uint32_t code;
	uint32_t space;		/* as found: sectors or bytes */
	uint32_t len;
	uint32_t reserved;
	uint64_t off;
};

/* What is odd about a payload; none of it keeps the text from being used. */
enum {
	VHD1_TEXT_NUL = 1 << 0,		/* ends in NULs, VHD-L-2 */
	VHD1_TEXT_BIG_ENDIAN = 1 << 1,	/* VHD-L-1 */
	VHD1_TEXT_ODD = 1 << 2,		/* half a code unit too long */
	VHD1_TEXT_REPLACED = 1 << 3,	/* had bytes that are no text */
	VHD1_TEXT_EMPTY = 1 << 4	/* nothing there, VHD-E-3 */
};

/* Room for the text of any payload of @len bytes, its NUL included. */
#define VHD1_LOC_ROOM(len) ((size_t)(len) * 3 + 4)

bool vhd1_locator_known(uint32_t code);
/* The code as text, unprintable characters as '?'. */
void vhd1_locator_code_text(uint32_t code, char out[5]);

/* VHD-L-4: bytes that are reserved for the payload. */
uint64_t vhd1_locator_space(const struct vhd1_locator *loc);

/*
 * Decodes a payload to UTF-8.  @out has VHD1_LOC_ROOM(@len) bytes.
 *
 * Returns false when there is no text in it (an alias, an unknown code, an
 * empty payload); @flaws_out is written in any case.
 */
bool vhd1_locator_decode(uint32_t code, const uint8_t *payload, size_t len,
			 char *out, enum vhd_locator_kind *kind_out,
			 uint32_t *flaws_out);

/*
 * Makes the payload for a relative path with slashes: ".\a\b" in W2ru and W2ku,
 * "file://./a/b" in MacX (VHD-L-8, VHD-L-9).  Characters are not escaped
 * (VHD-L-10).  False when it does not fit into @room bytes or is not UTF-8.
 */
bool vhd1_locator_encode_relative(uint32_t code, const char *path,
				  uint8_t *out, size_t room, size_t *len_out);

/* The same for a text that is to be recorded as it is; not for MacX. */
bool vhd1_locator_encode(const char *text, uint8_t *out, size_t room,
			 size_t *len_out);

#endif
