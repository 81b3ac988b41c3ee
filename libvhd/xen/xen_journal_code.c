/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_journal.h"

#include <string.h>

#define COOKIE "vjournal"
#define MARK UINT64_C(0xaaaa12344321aaaa)

struct head_disk {
	uint8_t	cookie[8];		/* "vjournal" */
	uint8_t	id[16];			/* unique id of the image */
	be64	footer_off;		/* its length less 512, before */
	be32	data_count;
	be32	meta_count;
	be64	data_off;		/* of the first note of a block */
	be64	meta_off;		/* of the first note of a structure */
	le64	end;			/* see xen_journal.h */
	uint8_t	pad[448];
};
_Static_assert(sizeof(struct head_disk) == XEN_JOURNAL_HEAD, "head size");

struct note_disk {
	be64	mark;
	be32	type;
	be32	len;			/* of what follows */
	be64	off;			/* where it belongs */
	be32	checksum;		/* of head and what follows */
	uint8_t	pad[4];			/* anything; counts */
};
_Static_assert(sizeof(struct note_disk) == XEN_NOTE_HEAD, "note size");

bool vhd_xen_journal_decode(const uint8_t raw[XEN_JOURNAL_HEAD],
			struct xen_journal_head *out)
{
	struct head_disk d;

	memcpy(&d, raw, sizeof(d));
	if (memcmp(d.cookie, COOKIE, sizeof(d.cookie)))
		return false;
	*out = (struct xen_journal_head){
		.footer_off = be64_get(d.footer_off),
		.data_count = be32_get(d.data_count),
		.meta_count = be32_get(d.meta_count),
		.data_off = be64_get(d.data_off),
		.meta_off = be64_get(d.meta_off),
		.end = le64_get(d.end),
	};
	memcpy(out->id, d.id, sizeof(out->id));
	return true;
}

void vhd_xen_journal_encode(const struct xen_journal_head *h,
			uint8_t raw[XEN_JOURNAL_HEAD])
{
	struct head_disk d = {
		.footer_off = be64_make(h->footer_off),
		.data_count = be32_make(h->data_count),
		.meta_count = be32_make(h->meta_count),
		.data_off = be64_make(h->data_off),
		.meta_off = be64_make(h->meta_off),
		.end = le64_make(h->end),
	};

	memcpy(d.cookie, COOKIE, sizeof(d.cookie));
	memcpy(d.id, h->id, sizeof(d.id));
	memcpy(raw, &d, sizeof(d));
}

bool vhd_xen_note_decode(const uint8_t raw[XEN_NOTE_HEAD], struct xen_note *out)
{
	struct note_disk d;

	memcpy(&d, raw, sizeof(d));
	if (be64_get(d.mark) != MARK)
		return false;
	*out = (struct xen_note){
		.type = be32_get(d.type),
		.len = be32_get(d.len),
		.off = be64_get(d.off),
		.checksum = be32_get(d.checksum),
	};
	memcpy(out->head, raw, sizeof(out->head));
	return true;
}

void vhd_xen_note_encode(const struct xen_note *n, uint8_t raw[XEN_NOTE_HEAD])
{
	struct note_disk d = {
		.mark = be64_make(MARK),
		.type = be32_make(n->type),
		.len = be32_make(n->len),
		.off = be64_make(n->off),
		.checksum = be32_make(n->checksum),
	};

	memcpy(raw, &d, sizeof(d));
}

uint32_t vhd_xen_byte_sum(uint32_t sum, const uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += buf[i];
	return sum;
}

uint32_t vhd_xen_note_sum(const uint8_t head[XEN_NOTE_HEAD])
{
	struct note_disk d;
	uint8_t raw[XEN_NOTE_HEAD];

	memcpy(&d, head, sizeof(d));
	d.checksum = be32_make(0);
	memcpy(raw, &d, sizeof(raw));
	return vhd_xen_byte_sum(0, raw, sizeof(raw));
}
