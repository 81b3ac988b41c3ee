/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image on a volume: as long as that is, at times to the sector, its footer in
 * the last one.  The library asks one question to know a volume, which is answered
 * here instead of by the system.
 */
#include "crash/crash_reshape.h"

#include "io/stat.h"

static bool devices;

bool __real_vhd_io_is_device(const struct vhd_io *io);
bool __wrap_vhd_io_is_device(const struct vhd_io *io);

bool __wrap_vhd_io_is_device(const struct vhd_io *io)
{
	return devices || __real_vhd_io_is_device(io);
}

void crash_reshape_devices(bool yes)
{
	devices = yes;
}

/* What the verb needs, and some sectors more, or none. */
static uint64_t room_of(const struct crash_reshape *r)
{
	uint64_t room = r->setup.seed / 4 * 11 % 40 * CRASH_SECTOR;

	if (crash_reshape_tight(r, NULL))
		return 0;
	if (r->verb == CRASH_FILL)
		room += 14 * (r->setup.block + CRASH_PAGE);
	/* Where no block is aligned there may be no gap. */
	if (crash_reshape_relinks(r) && !r->setup.xen)
		room += CRASH_PAGE;
	return room;
}

void crash_reshape_to_device(struct crash_reshape *r)
{
	struct crash_file *f = crash_file_new();
	struct crash_base *then;
	uint8_t footer[CRASH_SECTOR];
	uint64_t size;

	crash_file_reset(f, r->base);
	/* The copy: the trailing one may be lost. */
	crash_file_read(f, footer, sizeof(footer), 0);
	size = crash_file_size(f) / CRASH_SECTOR * CRASH_SECTOR + room_of(r);
	crash_file_set_size(f, size);
	crash_file_write(f, footer, sizeof(footer), size - sizeof(footer));
	then = crash_file_freeze(f);
	crash_base_free(r->base);
	r->base = then;
	crash_file_free(f);
}
