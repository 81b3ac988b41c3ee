/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/ckd.h"

#include <stdlib.h>
#include <string.h>

void *vhd_alloc(size_t len)
{
	if (!vhd_alloc_allowed(len))
		return NULL;
	return calloc(1, len ? len : 1);
}

void *vhd_alloc_array(size_t n, size_t len)
{
	size_t total;

	if (ckd_mul(&total, n, len))
		return NULL;
	return vhd_alloc(total);
}

void *vhd_alloc_aligned(size_t align, size_t len)
{
	size_t room;
	void *p;

	/* The size has to be a multiple of the alignment. */
	if (ckd_add(&room, len ? len : 1, align - 1))
		return NULL;
	room &= ~(align - 1);
	if (!vhd_alloc_allowed(room))
		return NULL;
	p = aligned_alloc(align, room);
	if (p)
		memset(p, 0, room);
	return p;
}

char *vhd_strdup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *copy = vhd_alloc(len);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

void vhd_free(void *p)
{
	free(p);
}
