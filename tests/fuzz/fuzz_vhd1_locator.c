/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: platform code, a number below (1) or big-endian (4), the payload. */
#include <stdlib.h>

#include "base/utf16.h"
#include "codec/vhd1_locator.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"

static const uint32_t known[] = {
	VHD1_LOC_WI2R, VHD1_LOC_WI2K, VHD1_LOC_W2RU,
	VHD1_LOC_W2KU, VHD1_LOC_MAC, VHD1_LOC_MACX,
};
enum { KNOWN = sizeof(known) / sizeof(known[0]) };

static uint32_t take_code(struct fuzz_cursor *c)
{
	uint8_t which = fuzz_take_u8(c);
	be32 code;

	if (which < KNOWN)
		return known[which];
	fuzz_take(c, &code, sizeof(code));
	return be32_get(code);
}

/* Buffers that promise to be large enough are exactly so large. */
static char *decode(uint32_t code, const uint8_t *payload, size_t len,
		    enum vhd_locator_kind *kind)
{
	char *text = malloc(VHD1_LOC_ROOM(len));
	uint32_t flaws = UINT32_MAX;
	bool have;

	FUZZ_CHECK(text);
	have = vhd1_locator_decode(code, payload, len, text, kind, &flaws);
	FUZZ_CHECK(flaws != UINT32_MAX);
	if (have)
		return text;
	free(text);
	return NULL;
}

static bool is_utf8(const char *text)
{
	size_t units, room = strlen(text) + 1;
	uint8_t *out = malloc(room * 2);
	bool ok;

	FUZZ_CHECK(out);
	ok = vhd_utf16_encode(text, VHD_UTF16_LE, out, room, &units);
	free(out);
	return ok;
}

static void encode(uint32_t code, const char *text)
{
	size_t room = 64 + strlen(text) * 4, len = SIZE_MAX;
	uint8_t *out = malloc(room);
	enum vhd_locator_kind kind;

	FUZZ_CHECK(out);
	if (vhd1_locator_encode_relative(code, text, out, room, &len)) {
		FUZZ_CHECK(len <= room);
		free(decode(code, out, len, &kind));
	}
	if (vhd1_locator_encode(text, out, room, &len)) {
		FUZZ_CHECK(len <= room);
		free(decode(VHD1_LOC_W2KU, out, len, &kind));
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	enum vhd_locator_kind kind = (enum vhd_locator_kind)77;
	uint32_t code;
	char *text;

	fuzz_memory_reset();
	code = take_code(&c);
	if (c.len > VHD1_LOC_LEN_MAX)
		return 0;
	text = decode(code, c.data, c.len, &kind);
	if (!text)
		return 0;
	FUZZ_CHECK(vhd1_locator_known(code));
	FUZZ_CHECK(kind >= VHD_LOCATOR_RELATIVE && kind <= VHD_LOCATOR_NAME);
	FUZZ_CHECK(strlen(text) < VHD1_LOC_ROOM(c.len));
	FUZZ_CHECK(*text && is_utf8(text));
	encode(code, text);
	free(text);
	return 0;
}
