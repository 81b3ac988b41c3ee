/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the headers of a VHD that may be damaged, in the middle of a resize,
 * or part of something larger.
 *
 * Nothing leads to a failure but the file itself: each structure is read where
 * the one before it says, when that is a place in the file, and left out when it
 * is not.  What is read has a bound, whatever the fields say: three headers, eight
 * names and a map of at most SUM_MAX bytes.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"
#include "codec/vhd1_locator.h"
#include "image/image_priv.h"
#include "io/attr.h"
#include "io/io_direct.h"
#include "xen/xen_decode.h"
#include "xen/xen_headers.h"

enum {
	FRONT_LEN = VHD1_FOOTER_LEN + VHD1_HEADER_LEN,
	/* A name that is longer as it is stored does not fit into @text. */
	PAYLOAD_MAX = 4096,
	/* The map of the largest disk has 128 KiB. */
	SUM_MAX = 1 << 20,
	SUM_STEP = 16 << 10
};

/* The part of a file that is the image. */
struct window {
	struct vhd_io *io;
	uint64_t base;
	uint64_t len;
	struct vhd_xen_headers *h;
};

static bool inside(const struct window *w, uint64_t off, uint64_t len)
{
	return range_in(off, len, w->len);
}

/* @off and @len were seen to be inside. */
static int load(const struct window *w, void *buf, size_t len, uint64_t off,
		struct vhd_error *err)
{
	return vhd_io_read(w->io, buf, len, w->base + off, err);
}

static void take_front(struct window *w, const uint8_t *raw)
{
	vhd_xen_footer_decode(raw, &w->h->front);
	w->h->have |= VHD_XEN_FRONT;
	if (vhd_xen_footer_sound(&w->h->front))
		w->h->have |= VHD_XEN_FRONT_SOUND;
}

static int tail_at(struct window *w, uint64_t off, size_t len,
		   struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN] = { 0 };
	int rc = load(w, raw, len, off, err);

	if (rc)
		return rc;
	vhd_xen_footer_decode(raw, &w->h->tail);
	w->h->tail_off = off;
	w->h->have |= VHD_XEN_TAIL;
	if (vhd_xen_footer_sound(&w->h->tail))
		w->h->have |= VHD_XEN_TAIL_SOUND;
	return 0;
}

/* 512 bytes, or 511 where the length says so and they are a footer. */
static int load_tail(struct window *w, struct vhd_error *err)
{
	struct vhd_xen_footer whole;
	uint64_t len = w->len;
	int rc = 0;

	if (len >= VHD1_FOOTER_LEN)
		rc = tail_at(w, len - VHD1_FOOTER_LEN, VHD1_FOOTER_LEN, err);
	if (rc || (w->h->have & VHD_XEN_TAIL_SOUND) ||
	    len % VHD1_SECTOR != VHD1_FOOTER_LEN_OLD)
		return rc;
	whole = w->h->tail;
	rc = tail_at(w, len - VHD1_FOOTER_LEN_OLD, VHD1_FOOTER_LEN_OLD, err);
	if (rc || (w->h->have & VHD_XEN_TAIL_SOUND) || len < VHD1_FOOTER_LEN)
		return rc;
	w->h->tail = whole;
	w->h->tail_off = len - VHD1_FOOTER_LEN;
	return 0;
}

static const struct vhd_xen_footer *footer_of(const struct vhd_xen_headers *h)
{
	if (h->footer == VHD_XEN_TAIL)
		return &h->tail;
	if (h->footer == VHD_XEN_FRONT)
		return &h->front;
	return NULL;
}

static void take_header(struct window *w, const uint8_t *raw)
{
	vhd_xen_header_decode(raw, &w->h->header);
	w->h->have |= VHD_XEN_HEADER;
	if (vhd_xen_header_sound(&w->h->header))
		w->h->have |= VHD_XEN_HEADER_SOUND;
}

/*
 * Where the footer says; without a footer that counts, in its usual place.
 * @raw: the first @got bytes of the image.
 */
static int find_header(struct window *w, const uint8_t *raw, size_t got,
		       struct vhd_error *err)
{
	const struct vhd_xen_footer *f = footer_of(w->h);
	uint64_t off = f ? f->data_off : VHD1_FOOTER_LEN;
	uint8_t other[VHD1_HEADER_LEN];
	int rc;

	if ((f && f->type == VHD1_TYPE_FIXED) ||
	    !inside(w, off, VHD1_HEADER_LEN))
		return 0;
	if (range_in(off, VHD1_HEADER_LEN, got)) {
		take_header(w, raw + off);
		return 0;
	}
	rc = load(w, other, sizeof(other), off, err);
	if (!rc)
		take_header(w, other);
	return rc;
}

/* @buf has room for a payload and its text. */
static int load_name(struct window *w, struct vhd_xen_locator *loc,
		     uint8_t *buf, struct vhd_error *err)
{
	int rc;

	if (!loc->code || !loc->len || loc->len > PAYLOAD_MAX ||
	    !inside(w, loc->off, loc->len))
		return 0;
	rc = load(w, buf, loc->len, loc->off, err);
	if (!rc)
		vhd_xen_locator_text(loc, buf, loc->len,
				     (char *)buf + PAYLOAD_MAX);
	return rc;
}

static int load_names(struct window *w, struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(PAYLOAD_MAX + VHD1_LOC_ROOM(PAYLOAD_MAX));
	int i, rc = 0;

	if (!buf)
		return vhd_fail_nomem(err);
	for (i = 0; !rc && i < VHD1_LOCATORS; i++)
		rc = load_name(w, &w->h->header.locator[i], buf, err);
	vhd_free(buf);
	return rc;
}

static int sum_map(struct window *w, uint64_t disk_size, struct vhd_error *err)
{
	struct vhd_xen_batmap *b = &w->h->batmap;
	uint64_t covered = vhd1_batmap_covered(disk_size), at = 0;
	uint8_t buf[SUM_STEP];
	uint32_t sum = 0;

	if (covered > SUM_MAX || covered > (uint64_t)b->map_sectors *
	    VHD1_SECTOR || !inside(w, b->map_off, covered))
		return 0;
	while (at < covered) {
		size_t len = (size_t)min_u64(covered - at, sizeof(buf));
		int rc = load(w, buf, len, b->map_off + at, err);

		if (rc)
			return rc;
		sum = vhd1_batmap_sum(sum, buf, len, b->version);
		at += len;
	}
	b->sum = ~sum;
	w->h->have |= VHD_XEN_MAP_SUM;
	return 0;
}

/* What a batmap would record, of an image that has none. */
static void load_attrs(struct window *w)
{
	struct vhd_xen_batmap *b = &w->h->batmap;
	struct vhd1_keyhash_disk key;
	bool marker = vhd_io_attr_get(w->io, VHD1_ATTR_MARKER, &b->marker, 1);
	bool hash = vhd_io_attr_get(w->io, VHD1_ATTR_KEYHASH, &key,
				    sizeof(key));

	if (hash) {
		b->key_cookie = key.cookie;
		memcpy(b->key_nonce, key.nonce, sizeof(b->key_nonce));
		memcpy(b->key_hash, key.hash, sizeof(b->key_hash));
	}
	if (marker || hash)
		w->h->have |= VHD_XEN_ATTRS;
}

/* VHD-X-1: creator "tap" from version 1.1 on, behind the table. */
static int load_batmap(struct window *w, const struct vhd_xen_footer *f,
		       struct vhd_error *err)
{
	const struct vhd_xen_header *hdr = &w->h->header;
	uint64_t off, len = vhd1_table_space(hdr->max_entries);
	uint8_t raw[VHD1_BATMAP_LEN];
	int rc;

	if (memcmp(f->creator_app, "tap", 3) ||
	    f->creator_version < VHD1_TAP_1_1 ||
	    !(w->h->have & VHD_XEN_HEADER) ||
	    ckd_add(&off, hdr->table_off, len) ||
	    !inside(w, off, sizeof(raw)))
		return 0;
	rc = load(w, raw, sizeof(raw), off, err);
	if (rc || !vhd_xen_batmap_decode(raw, &w->h->batmap))
		return rc;
	w->h->batmap.header_off = off;
	w->h->have |= VHD_XEN_BATMAP;
	return sum_map(w, f->current_size, err);
}

static int load_rest(struct window *w, struct vhd_error *err)
{
	const struct vhd_xen_footer *f = footer_of(w->h);
	int rc = 0;

	if (w->h->have & VHD_XEN_HEADER)
		rc = load_names(w, err);
	if (!rc && f)
		rc = load_batmap(w, f, err);
	if (!rc && f && !(w->h->have & VHD_XEN_BATMAP))
		load_attrs(w);
	return rc;
}

static int load_all(struct window *w, uint32_t flags, struct vhd_error *err)
{
	size_t got = (size_t)min_u64(w->len, FRONT_LEN);
	uint8_t raw[FRONT_LEN] = { 0 };
	int rc = 0;

	if (w->len < VHD1_FOOTER_LEN_OLD)
		return vhd_fail_rule(err, RULE_VHD1_FILE_TOO_SMALL,
			VHD_NO_OFFSET, "%llu bytes are too few for a footer",
			(unsigned long long)w->len);
	if (!(flags & VHD_XEN_FAST))
		rc = load_tail(w, err);
	if (!rc)
		rc = load(w, raw, got, 0, err);
	if (rc)
		return rc;
	if (got >= VHD1_FOOTER_LEN)
		take_front(w, raw);
	if (w->h->have & VHD_XEN_TAIL_SOUND)
		w->h->footer = VHD_XEN_TAIL;
	else if (w->h->have & VHD_XEN_FRONT_SOUND)
		w->h->footer = VHD_XEN_FRONT;
	rc = find_header(w, raw, got, err);
	return rc || (flags & VHD_XEN_FAST) ? rc : load_rest(w, err);
}

static int window_set(struct window *w, uint64_t len, struct vhd_error *err)
{
	uint64_t size;
	int rc = vhd_io_size(w->io, &size, err);

	if (rc)
		return rc;
	if (w->base > size)
		return vhd_fail(err, VHD_E_INVAL,
				"the image would begin behind the file's end");
	/* The rest of a volume may be in other pieces, on other disks. */
	w->len = size - w->base;
	if (len)
		w->len = min_u64(w->len, len);
	w->h->file_size = w->len;
	return 0;
}

int vhd_xen_headers_read(struct vhd_io *io, uint64_t base, uint64_t len,
			 uint32_t flags, struct vhd_xen_headers *out,
			 struct vhd_error *err)
{
	struct window w = { .io = io, .base = base };
	uint32_t room = out->size;
	int rc;

	if (room < offsetof(struct vhd_xen_headers, file_size))
		return vhd_fail(err, VHD_E_INVAL,
				"struct vhd_xen_headers has no size");
	rc = vhd_flags_check(flags, VHD_XEN_FAST, "flags", err);
	if (rc)
		return rc;
	w.h = vhd_alloc(sizeof(*w.h));
	if (!w.h)
		return vhd_fail_nomem(err);
	rc = window_set(&w, len, err);
	if (!rc)
		rc = load_all(&w, flags, err);
	if (!rc) {
		/* The caller's struct may be an older, shorter one. */
		room = (uint32_t)min_u64(room, sizeof(*w.h));
		w.h->size = room;
		memcpy(out, w.h, room);
	}
	vhd_free(w.h);
	return vhd_err_file(err, rc, vhd_io_name(io));
}

int vhd_xen_headers(const char *path, uint64_t base, uint64_t len,
		    uint32_t flags, struct vhd_xen_headers *out,
		    struct vhd_error *err)
{
	struct vhd_io *io;
	int rc;

	if (!path || !out)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	/* Of a disk below volumes, the system's cache shows old bytes. */
	rc = vhd_io_open_direct(path, &io, err);
	if (rc)
		return rc;
	rc = vhd_xen_headers_read(io, base, len, flags, out, err);
	vhd_io_close(&io, NULL);
	return rc;
}

int vhd_xen_layer_headers(struct vhd_image *img, uint32_t layer,
			  uint32_t flags, struct vhd_xen_headers *out,
			  struct vhd_error *err)
{
	if (layer >= img->count ||
	    img->layers[layer].format != VHD_FORMAT_VHD)
		return vhd_fail(err, VHD_E_INVAL, "there is no such VHD");
	return vhd_xen_headers_read(img->layers[layer].io, 0, 0, flags, out,
				    err);
}
