/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a parent locator item, and nothing else. */
#include <stdlib.h>

#include "codec/vhdx_locator.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"

static char *text_of(const struct vhdx_locator *loc,
		     const struct vhdx_locator_str *str, bool *whole)
{
	size_t room = vhdx_locator_room(str);
	char *text = malloc(room);

	FUZZ_CHECK(text && room);
	memset(text, 0x5a, room);
	*whole = vhdx_locator_text(loc, str, text);
	FUZZ_CHECK(memchr(text, 0, room));
	return text;
}

static void check_place(const struct vhdx_locator *loc,
			const struct vhdx_locator_str *str)
{
	FUZZ_CHECK(range_in(str->off, str->len, loc->len));
	FUZZ_CHECK(str->len % 2 == 0);
}

/* All pairs, put together again, are a locator with the same pairs. */
static void round_trip(const struct vhdx_locator *loc)
{
	struct vhdx_locator_kv kv[VHDX_LOCATOR_PAIRS_MAX];
	char *text[2 * VHDX_LOCATOR_PAIRS_MAX];
	bool sound = true, whole;
	size_t room = 65536 * 4, len = SIZE_MAX;
	uint8_t *item = malloc(room);
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_locator again;
	uint32_t i;

	FUZZ_CHECK(item);
	for (i = 0; i < loc->count; i++) {
		struct vhdx_locator_str key, value;

		vhdx_locator_pair(loc, i, &key, &value);
		check_place(loc, &key);
		check_place(loc, &value);
		text[2 * i] = text_of(loc, &key, &whole);
		sound = sound && whole;
		text[2 * i + 1] = text_of(loc, &value, &whole);
		sound = sound && whole;
		kv[i] = (struct vhdx_locator_kv){ text[2 * i], text[2 * i + 1] };
	}
	if (sound && vhdx_locator_encode(kv, loc->count, item, room, &len)) {
		FUZZ_CHECK(len <= room);
		FUZZ_CHECK(vhdx_locator_decode(item, len, &again, &notes) ==
			   VHD_RULE_NONE);
		FUZZ_CHECK(again.count == loc->count);
		FUZZ_CHECK(!memcmp(&again.linkage, &loc->linkage,
				   sizeof(loc->linkage)));
	}
	for (i = 0; i < 2 * loc->count; i++)
		free(text[i]);
	free(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* Locators lie anywhere in memory, and end where they end. */
	uint8_t *item = malloc(len ? len : 1);
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_locator loc;
	enum vhd_rule_idx rule;
	int i;

	fuzz_memory_reset();
	FUZZ_CHECK(item);
	if (len)
		memcpy(item, data, len);
	rule = vhdx_locator_decode(item, len, &loc, &notes);
	FUZZ_CHECK(notes.count <= VHDX_NOTES_MAX);
	if (rule == VHD_RULE_NONE) {
		FUZZ_CHECK(loc.count <= VHDX_LOCATOR_PAIRS_MAX);
		FUZZ_CHECK(loc.value[VHDX_KEY_LINKAGE].len);
		for (i = 0; i < VHDX_KEY_COUNT; i++) {
			FUZZ_CHECK(*vhdx_key_name((enum vhdx_key)i));
			check_place(&loc, &loc.value[i]);
		}
		round_trip(&loc);
	}
	free(item);
	return 0;
}
