/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_POISON_H
#define VHD_XEN_POISON_H

/*
 * The mark of a resize that is under way: both footers say "v_poison", with a
 * right checksum, and nobody takes the file for an image (VHD-X-20).
 */

#include "vhd1/vhd1_copies.h"

/* The same footer with the mark, and without. */
void vhd_xen_poison_put(uint8_t raw[VHD1_FOOTER_LEN]);
void vhd_xen_poison_take(uint8_t raw[VHD1_FOOTER_LEN]);

/* Sound, or sound but for the mark. */
bool vhd_xen_is_footer(const struct vhd1_copy *c);

/* Each of both footers that is one is marked, durably. */
int vhd_xen_poison(struct vhd_io *image, struct vhd_error *err);

/*
 * Takes the mark from an image that is whole: its resize was over, or never
 * began.  Nothing is changed without the mark.  VHD_E_CORRUPT when it is not
 * whole.
 */
int vhd_xen_unpoison(struct vhd_io *image, struct vhd_error *err);

#endif
