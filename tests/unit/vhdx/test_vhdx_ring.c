/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the active sequence: the walk over chains against the trial from
 * every sector that vhdx.md 13.3 describes, in rings as writers with crashes
 * leave them.
 */
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/guid.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "vhdx/vhdx_ring.h"

#include <string.h>

enum { SECTOR = 4096, RING = 1 << 20, SECTORS = RING / SECTOR };

static struct vhdx_image img;
static uint64_t rnd_state = 88172645463325252u;

static uint32_t rnd(uint32_t n)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 20) % n;
}

/* The reference: entries with their checksum alone, as put() makes them. */
struct naive {
	bool valid;
	uint32_t len, tail_off;
	uint64_t seq;
};

static struct naive naive_parse(uint32_t ring_off)
{
	static uint8_t buf[RING];
	struct vhdx_log_hdr_disk *h = (void *)buf;
	struct naive n = { 0 };
	uint32_t crc;

	for (uint32_t i = 0; i < RING; i += SECTOR)
		memcpy(buf + i, vhdx_image_log_sector(&img, ring_off + i),
		       SECTOR);
	n.len = le32_get(h->entry_len);
	n.tail_off = le32_get(h->tail_off);
	n.seq = le64_get(h->seq);
	crc = le32_get(h->checksum);
	if (memcmp(buf, "loge", 4) || !n.len || n.len > RING)
		return n;
	h->checksum = le32_make(0);
	n.valid = vhd_crc32c(0, buf, n.len) == crc;
	return n;
}

/* vhdx.md 13.3, word for word; *tail_out and the head's number. */
static uint32_t naive_find(uint32_t *tail_out, uint64_t *seq_out)
{
	static struct naive at[SECTORS];
	uint32_t best_count = 0, start = 0;

	*seq_out = 0;
	for (uint32_t i = 0; i < SECTORS; i++)
		at[i] = naive_parse(i * SECTOR);
	for (;;) {
		uint32_t pos = start, used = 0, count = 0, next, member = 0;
		uint32_t head = 0;
		bool in = false;

		while (at[pos / SECTOR].valid &&
		       (!count || at[pos / SECTOR].seq == at[head].seq + 1) &&
		       used + at[pos / SECTOR].len <= RING) {
			head = pos / SECTOR;
			used += at[head].len;
			count++;
			pos = (pos + at[head].len) % RING;
		}
		for (uint32_t p = start, i = 0; i < count; i++) {
			if (p == at[head].tail_off && !in) {
				in = true;
				member = i;
			}
			p = (p + at[p / SECTOR].len) % RING;
		}
		if (in && at[head].seq > *seq_out) {
			*seq_out = at[head].seq;
			*tail_out = at[head].tail_off;
			best_count = count - member;
		}
		next = in ? pos : start + SECTOR;
		if (next >= RING || next <= start)
			return best_count;
		start = next;
	}
}

static void find(struct vhdx_ring_active *a)
{
	static struct vhdx_ring ring;
	struct vhd_io *io = vhdx_image_io(&img);
	struct vhdx_header h = { .log_off = MiB, .log_len = RING };

	vhd_guid_from_mixed(vhdx_image_log_guid, &h.log_guid);
	vhdx_ring_init(&ring, io, &h);
	ck_assert_int_eq(vhdx_ring_find(&ring, a, NULL), 0);
	vhd_io_close(&io, NULL);
}

static void assert_agree(void)
{
	struct vhdx_ring_active a;
	uint32_t tail = 0, count;
	uint64_t seq;

	find(&a);
	count = naive_find(&tail, &seq);
	ck_assert_uint_eq(a.entry_count, count);
	if (!count)
		return;
	ck_assert_uint_eq(a.tail_off, tail);
	ck_assert_uint_eq(a.head.seq, seq);
}

/* An entry with @pages pages at @ring_off; returns its end. */
static uint32_t put(uint32_t ring_off, uint64_t seq, uint32_t tail_off,
		    uint32_t pages)
{
	static uint8_t page[SECTOR];
	struct vhdx_image_change c[16];
	struct vhdx_image_entry e = { .seq = seq, .tail_off = tail_off,
				      .change = c, .change_count = pages };

	for (uint32_t i = 0; i < pages; i++)
		c[i] = (struct vhdx_image_change){ .file_off = 3 * MiB,
						   .page = page };
	return vhdx_image_log_put(&img, ring_off, &e);
}

/* A writer at work: entries one after the other, tails that follow. */
static void ring_write(void)
{
	uint32_t off = rnd(SECTORS) * SECTOR, tail = off;
	uint64_t seq = 1 + rnd(1000);
	uint32_t n = rnd(120);

	for (uint32_t i = 0; i < n; i++, seq++) {
		if (!rnd(4))
			tail = off;
		off = put(off, seq, tail, rnd(5));
	}
}

static void ring_damage(void)
{
	for (uint32_t i = rnd(4); i; i--) {
		uint8_t *s = vhdx_image_log_sector(&img, rnd(SECTORS) * SECTOR);

		s[rnd(SECTOR)] ^= (uint8_t)(1 + rnd(255));
	}
}

START_TEST(vhdx_ring__finds_what_the_trial_from_every_sector_finds)
{
	for (int i = 0; i < 50; i++) {
		vhdx_image_init(&img, NULL);
		for (uint32_t k = 1 + rnd(3); k; k--)
			ring_write();
		assert_agree();
		ring_damage();
		assert_agree();
		vhdx_image_free(&img);
	}
}
END_TEST

/* Rings of entries with any numbers and tails: nothing a writer would do. */
START_TEST(vhdx_ring__agrees_on_nonsense_too)
{
	for (int i = 0; i < 30; i++) {
		vhdx_image_init(&img, NULL);
		for (uint32_t off = 0; off < RING - 8 * SECTOR;)
			off = put(off, 1 + rnd(3) + off / SECTOR / 3,
				  rnd(SECTORS) * SECTOR, rnd(3));
		assert_agree();
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_ring__numbers_do_not_wrap)
{
	struct vhdx_ring_active a;

	vhdx_image_init(&img, NULL);
	put(put(0, UINT64_MAX, 0, 1), 1, 2 * SECTOR, 1);
	find(&a);
	ck_assert_uint_eq(a.entry_count, 1);
	ck_assert_uint_eq(a.head.seq, UINT64_MAX);
	vhdx_image_free(&img);
}
END_TEST

/* Trials from every entry would be 2^27 steps here. */
START_TEST(vhdx_ring__a_long_chain_without_a_tail_takes_no_time)
{
	static struct vhdx_ring ring;
	struct vhdx_header h = { .log_off = MiB, .log_len = 64 << 20 };
	struct vhdx_ring_active a;
	struct vhd_io *io;

	vhdx_image_init(&img, NULL);
	vhdx_image_resize(&img, 65 << 20);
	vhdx_image_header(&img, 0)->log_len = le32_make(64 << 20);
	for (uint32_t i = 0; i < 16383; i++)
		put(i * SECTOR, 1 + i, 16383u * SECTOR, 0);
	io = vhdx_image_io(&img);
	vhd_guid_from_mixed(vhdx_image_log_guid, &h.log_guid);
	vhdx_ring_init(&ring, io, &h);
	ck_assert_int_eq(vhdx_ring_find(&ring, &a, NULL), 0);
	ck_assert_uint_eq(a.entry_count, 0);
	ck_assert(!a.blank);
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("vhdx/ring", vhdx_ring__finds_what_the_trial_from_every_sector_finds,
	  vhdx_ring__agrees_on_nonsense_too, vhdx_ring__numbers_do_not_wrap,
	  vhdx_ring__a_long_chain_without_a_tail_takes_no_time)
