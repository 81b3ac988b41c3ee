/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_DECODE_H
#define VHD_XEN_DECODE_H

/*
 * The headers of a VHD as they are stored: bytes -> what is shown to people and
 * to storage managers.  Any bytes have a meaning; nothing is judged.
 */

#include "codec/vhd1_disk.h"
#include "vhd/xen.h"

/* Cookie "conectix" or "v_poison", and the right checksum? */
bool vhd_xen_footer_sound(const struct vhd_xen_footer *f);
bool vhd_xen_header_sound(const struct vhd_xen_header *h);

void vhd_xen_footer_decode(const uint8_t raw[VHD1_FOOTER_LEN],
			   struct vhd_xen_footer *out);

/* The texts of the locators are left empty. */
void vhd_xen_header_decode(const uint8_t raw[VHD1_HEADER_LEN],
			   struct vhd_xen_header *out);

/* All but what tells of the map; false without the cookie. */
bool vhd_xen_batmap_decode(const uint8_t raw[VHD1_BATMAP_LEN],
			   struct vhd_xen_batmap *out);

/*
 * The text of a locator from its payload, which does not stay as it is.  @scratch
 * has VHD1_LOC_ROOM(@len) bytes.
 */
void vhd_xen_locator_text(struct vhd_xen_locator *loc, uint8_t *payload,
			  size_t len, char *scratch);

#endif
