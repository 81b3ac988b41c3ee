/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_TABLE_MENDING_H
#define TESTS_SUPPORT_VHDX_TABLE_MENDING_H

/* An image in memory, an owner who allows things, and rounds of repair of its
 * table.  For one test program. */

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"
#include "vhdx/vhdx_repair_bat.h"

enum { GRANTS = 8 };

static struct vhdx_image img;
static struct vhdx_opened o;
static struct vhd_io *io;

/* What the owner allows in the case at hand, and what was announced. */
static struct {
	enum vhd_rule_idx rule[GRANTS];
	const char *word[GRANTS];
	size_t count;
	size_t granted, refused;
	char msg[256];
	size_t room;			/* steps until the plan is full */
} owner;

static void allow(enum vhd_rule_idx rule, const char *word)
{
	ck_assert_uint_lt(owner.count, GRANTS);
	owner.rule[owner.count] = rule;
	owner.word[owner.count++] = word;
}

static const char *choice(void *arg, const struct vhd_rule *rule)
{
	(void)arg;
	for (size_t i = 0; i < owner.count; i++) {
		if (vhd_rule_get(owner.rule[i]) == rule)
			return owner.word[i];
	}
	return rule->repair == VHD_REPAIR_AUTO ? "" : NULL;
}

static bool step(void *arg, const struct vhd_rule *rule, bool granted,
		 uint64_t off, const char *msg)
{
	(void)arg;
	(void)off;
	ck_assert_ptr_nonnull(rule);
	if (granted && owner.granted >= owner.room)
		return false;
	owner.granted += granted;
	owner.refused += !granted;
	memcpy(owner.msg, msg, strnlen(msg, 255) + 1);
	return true;
}

static int copy(void *arg, uint64_t from, uint64_t to, uint64_t len,
		struct vhd_error *err)
{
	uint64_t size;
	uint8_t *buf = malloc(len);
	int rc;

	(void)arg;
	ck_assert_ptr_nonnull(buf);
	ck_assert(!vhd_io_size(io, &size, err));
	ck_assert_uint_ge(to, size);
	rc = vhd_io_read(io, buf, len, from, err);
	if (!rc)
		rc = vhd_io_write(io, buf, len, to, err);
	free(buf);
	return rc;
}

/* 8 GiB less four blocks of 1 MiB: the table is two chunks of 4096. */
static void make(bool has_parent, size_t file_mib)
{
	struct vhdx_image_spec spec = { .disk_size = 8 * GiB - 4 * MiB,
					.block_size = MiB,
					.has_parent = has_parent };

	memset(&owner, 0, sizeof(owner));
	owner.room = SIZE_MAX;
	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, file_mib * MiB);
	for (size_t i = 4; i < file_mib; i++)
		memset(img.bytes + i * MiB, (int)i, MiB);
}

static void put(uint64_t idx, uint64_t mib, unsigned state)
{
	vhdx_image_bat_set(&img, idx, mib * MiB | state);
}

static void mend_round(struct vhd_engine_repair *req)
{
	struct vhd_engine_open how = { .io = io };
	void *eng = NULL;
	struct vhd_error err;

	ck_assert_msg(!vhdx_engine.open(&how, &eng, &err), "%s", err.msg);
	ck_assert_msg(!vhdx_repair_table(req, eng, &err), "%s", err.msg);
	vhdx_engine.close(eng);
}

/* Rounds until nothing more is done, and a check of what is left. */
static void mend_with(struct vhd_engine_repair *req)
{
	size_t before;
	int rounds = 0;

	io = vhdx_image_io(&img);
	req->io = io;
	req->mender = (struct vhd_mender){ choice, step, NULL };
	req->copy = copy;
	do {
		before = owner.granted;
		owner.refused = 0;
		mend_round(req);
		ck_assert_int_lt(rounds++, 8);
	} while (owner.granted > before);
	vhdx_opened_begin_io(&o, io);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	vhdx_opened_check(&o);
}

static void mend(void)
{
	struct vhd_engine_repair req = { .io = NULL };

	mend_with(&req);
}

static void done(void)
{
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

static uint64_t entry(uint64_t idx)
{
	le64 raw;

	ck_assert(!vhd_io_read(io, &raw, sizeof(raw), img.bat_off + 8 * idx,
			       NULL));
	return le64_get(raw);
}

static void data_guids(struct vhd_guid *before, struct vhd_guid *after)
{
	struct vhd_engine_open how = { .io = vhdx_image_io(&img) };
	struct vhd_info info;
	void *eng = NULL;

	ck_assert(!vhdx_engine.open(&how, &eng, NULL));
	vhdx_engine.info(eng, &info);
	*before = info.id;
	vhdx_engine.close(eng);
	vhd_io_close(&how.io, NULL);
	vhdx_engine.info(o.eng, &info);
	*after = info.id;
}

static bool data_changed(void)
{
	struct vhd_guid before, after;

	data_guids(&before, &after);
	return memcmp(&before, &after, sizeof(before)) != 0;
}

/* Not allowed: announced, and the file is as it was.  Allowed: cured. */
static void cured_by(enum vhd_rule_idx rule, const char *word, uint64_t idx,
		     uint64_t raw)
{
	struct vhd_engine_repair req = { .io = NULL };
	bool is_auto = vhd_rule_get(rule)->repair == VHD_REPAIR_AUTO;

	if (!is_auto) {
		mend_with(&req);
		ck_assert_uint_eq(owner.granted, 0);
		ck_assert_uint_ge(owner.refused, 1);
		ck_assert_uint_ge(vhdx_opened_saw(&o, rule), 1);
		vhdx_opened_end(&o);
	}
	allow(rule, word);
	mend();
	ck_assert_uint_ge(owner.granted, 1);
	ck_assert_msg(!vhdx_opened_saw(&o, rule), "%s",
		      vhd_rule_get(rule)->name);
	/* The data that belongs to no block then may well be all there is. */
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING),
			  vhdx_opened_saw(&o, RULE_VHDX_TABLE_LOST));
	ck_assert_uint_eq(entry(idx), raw);
	ck_assert(!data_changed());
	done();
}

#endif
