/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images as other programs make them, and volumes without room.
 */
#include "crash/crash_reshape.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_geometry.h"
#include "image/image_priv.h"
#include "vhdx/vhdx.h"
#include "vhdx/vhdx_bat.h"

bool crash_reshape_qemu(const struct crash_reshape *r)
{
	return r->setup.type->format == VHD_FORMAT_VHD && !r->setup.xen &&
	       r->setup.seed % 4 == 3 &&
	       (r->verb <= CRASH_SET || r->verb == CRASH_IDENTIFY);
}

bool crash_reshape_unplaced(const struct crash_reshape *r)
{
	return r->setup.type->format == VHD_FORMAT_VHDX &&
	       r->setup.type->type == VHD_TYPE_FIXED && r->setup.seed % 3 == 1;
}

bool crash_reshape_tight(const struct crash_reshape *r, bool *full)
{
#ifdef CRASH_DEVICES
	bool yes = r->verb == CRASH_FORGET && r->setup.seed % 8 == 1;
#else
	bool yes = false;
#endif

	/* A new block of a dynamic disk is full. */
	if (full)
		*full = yes && (r->setup.seed % 16 == 9 ||
				r->setup.type->type != VHD_TYPE_DIFF);
	return yes;
}

void crash_reshape_kind_begin(const struct crash_reshape *r,
			      struct crash_file *f)
{
	static const uint8_t none[8];
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	const struct vhdx *x;

	if (!crash_reshape_unplaced(r))
		return;
	CRASH_NEED(!vhd_open_io(&crash_file_ro_ops, f, "image", &opts, &img,
				NULL));
	x = img->layers[0].eng;
	for (uint64_t blk = 0; blk < x->geom.blk_count; blk++)
		crash_file_write(f, none, sizeof(none), vhdx_bat_file_off(x,
				 vhdx_bat_idx_of_blk(&x->geom, blk)));
	vhd_close(&img, NULL);
}

/* Who made it, in the footer at @off. */
static void sign(const struct crash_reshape *r, struct crash_file *f,
		 uint64_t off)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	struct vhd1_footer footer;

	crash_file_read(f, raw, sizeof(raw), off);
	vhd1_footer_decode(raw, &footer);
	memcpy(footer.creator_app, r->setup.seed % 8 == 3 ? "qemu" : "qem2",
	       sizeof(footer.creator_app));
	footer.creator_version = 0x00050003;
	memcpy(footer.creator_os, "Wi2k", sizeof(footer.creator_os));
	footer.geometry = vhd1_geometry_of(footer.current_size);
	vhd1_footer_encode(&footer, raw);
	crash_file_write(f, raw, sizeof(raw), off);
}

void crash_reshape_kind_end(struct crash_reshape *r)
{
	struct crash_file *f;
	struct crash_base *then;

	if (!crash_reshape_qemu(r))
		return;
	f = crash_file_new();
	crash_file_reset(f, r->base);
	if (r->setup.type->type != VHD_TYPE_FIXED)
		sign(r, f, 0);
	sign(r, f, crash_file_size(f) - VHD1_FOOTER_LEN);
	then = crash_file_freeze(f);
	crash_base_free(r->base);
	r->base = then;
	crash_file_free(f);
}
