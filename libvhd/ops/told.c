/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/told.h"

#include <string.h>

#include "base/alloc.h"

enum { FIRST_ROOM = 256, LAST_ROOM = 1 << 21 };

/* Hashes, 0 where there is none; at most half of the places are taken. */
struct vhd_told {
	uint64_t *hashes;
	size_t room, count;
};

struct vhd_told *vhd_told_new(void)
{
	return vhd_alloc(sizeof(struct vhd_told));
}

void vhd_told_free(struct vhd_told *t)
{
	if (t)
		vhd_free(t->hashes);
	vhd_free(t);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t hash_of(const struct vhd_rule *rule, bool granted,
			uint64_t off, const char *msg)
{
	uint64_t h = mix(granted ? 1 : 2, off);

	h = mix(h, (uint64_t)(rule - vhd_rules(NULL)));
	while (*msg)
		h = mix(h, (uint8_t)*msg++);
	return h ? h : 1;
}

/* Where @h is, or where it belongs. */
static uint64_t *place_of(uint64_t *hashes, size_t room, uint64_t h)
{
	size_t i = (size_t)h & (room - 1);

	while (hashes[i] && hashes[i] != h)
		i = (i + 1) & (room - 1);
	return &hashes[i];
}

static bool make_room(struct vhd_told *t)
{
	size_t room = t->room ? t->room * 2 : FIRST_ROOM;
	uint64_t *hashes;

	if (t->count < t->room / 2)
		return true;
	if (room > LAST_ROOM)
		return false;
	hashes = vhd_alloc_array(room, sizeof(*hashes));
	if (!hashes)
		return false;
	for (size_t i = 0; i < t->room; i++) {
		if (t->hashes[i])
			*place_of(hashes, room, t->hashes[i]) = t->hashes[i];
	}
	vhd_free(t->hashes);
	t->hashes = hashes;
	t->room = room;
	return true;
}

bool vhd_told_add(struct vhd_told *t, const struct vhd_rule *rule,
		  bool granted, uint64_t off, const char *msg)
{
	uint64_t h = hash_of(rule, granted, off, msg);
	uint64_t *place;

	if (t->room && *place_of(t->hashes, t->room, h) == h)
		return false;
	if (!make_room(t))
		return true;
	place = place_of(t->hashes, t->room, h);
	*place = h;
	t->count++;
	return true;
}
