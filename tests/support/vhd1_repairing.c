/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhd1_repairing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io_mem.h"
#include "vhd1/vhd1.h"

static const char *on_choice(void *arg, const struct vhd_rule *rule)
{
	const struct vhd1_owner *o = arg;
	size_t i, len = strlen(rule->name);

	for (i = 0; i < 8 && o->allow[i]; i++) {
		const char *a = o->allow[i];

		if (!strncmp(a, rule->name, len) && (!a[len] || a[len] == '='))
			return a[len] ? a + len + 1 : "";
		if (!strcmp(a, "all") && rule->repair != VHD_REPAIR_NONE)
			return "";
	}
	return rule->repair == VHD_REPAIR_AUTO ? "" : NULL;
}

static bool on_step(void *arg, const struct vhd_rule *rule, bool granted,
		    uint64_t off, const char *msg)
{
	struct vhd1_owner *o = arg;

	(void)off;
	ck_assert_msg(rule->repair != VHD_REPAIR_NONE,
		      "%s is mended, and the table says it cannot be",
		      rule->name);
	o->round += granted;
	o->granted += granted;
	o->possible += !granted;
	if (granted && o->granted == 1) {
		o->first = rule->name;
		snprintf(o->said, sizeof(o->said), "%s", msg);
	}
	return true;
}

static int on_copy(void *arg, uint64_t from, uint64_t to, uint64_t len,
		   struct vhd_error *err)
{
	struct vhd1_owner *o = arg;
	uint8_t *buf = malloc(len);
	int rc;

	ck_assert_uint_ge(to, vhd1_image_size(o->io));
	rc = vhd_io_read(o->io, buf, len, from, err);
	if (!rc)
		rc = vhd_io_write(o->io, buf, len, to, err);
	free(buf);
	return rc;
}

void vhd1_repair_all(struct vhd_io *io, struct vhd1_owner *o)
{
	const struct vhd_engine_repair req = {
		.io = io,
		.now = VHD1_EPOCH + 0x2d000000 + 86400,
		.salvage = o->salvage,
		.disk_size = o->disk_size,
		.mender = { on_choice, on_step, o },
		.copy = on_copy, .copy_arg = o,
		.parent = o->parent,
		.drop = o->drop, .drop_count = o->drop_count,
	};
	unsigned rounds = 0;

	o->io = io;
	o->granted = o->possible = 0;
	o->first = NULL;
	do {
		struct vhd_error err = { 0 };

		o->round = 0;
		ck_assert_msg(!vhd1_engine.repair(&req, &err), "%s", err.msg);
		ck_assert_msg(rounds++ < 50, "no end to it: %s", o->said);
	} while (o->round);
}

struct vhd_io *vhd1_image_copy(struct vhd_io *io)
{
	uint64_t size = vhd1_image_size(io);
	uint8_t *buf = malloc(size ? size : 1);
	struct vhd_io *out;

	vhd1_image_get(io, buf, size, 0);
	ck_assert_int_eq(vhd_io_open_mem(buf, size, &out, NULL), 0);
	free(buf);
	return out;
}

bool vhd1_image_same(struct vhd_io *a, struct vhd_io *b)
{
	uint64_t size = vhd1_image_size(a);
	uint8_t *x = malloc(size + 1), *y = malloc(size + 1);
	bool same = vhd1_image_size(b) == size;

	if (same) {
		vhd1_image_get(a, x, size, 0);
		vhd1_image_get(b, y, size, 0);
		same = !memcmp(x, y, size);
	}
	free(x);
	free(y);
	return same;
}

static void read_sector(struct vhd_io *io, void *eng, struct vhd1_disk *d,
			uint64_t sec)
{
	struct vhd_run run;

	if (vhd1_engine.map(eng, sec * 512, 512, &run, NULL)) {
		d->kind[sec] = VHD1_DISK_LOST;
		return;
	}
	d->kind[sec] = (uint8_t)run.kind;
	if (run.kind == VHD_RUN_DATA && run.len == 512)
		vhd1_image_get(io, d->data + sec * 512, 512, run.file_off);
	else if (run.kind == VHD_RUN_DATA)
		d->kind[sec] = VHD1_DISK_LOST;
}

struct vhd1_disk *vhd1_disk_read(struct vhd_io *io)
{
	struct vhd_info info = { 0 };
	struct vhd1_disk *d;
	uint64_t i;
	void *eng;

	if (vhd1_image_open(io, &eng, NULL, NULL))
		return NULL;
	vhd1_engine.info(eng, &info);
	d = calloc(1, sizeof(*d));
	d->sectors = info.virtual_size / 512;
	d->data = calloc(d->sectors, 512);
	d->kind = calloc(d->sectors, 1);
	for (i = 0; i < d->sectors; i++)
		read_sector(io, eng, d, i);
	vhd1_engine.close(eng);
	return d;
}

void vhd1_disk_free(struct vhd1_disk *d)
{
	if (!d)
		return;
	free(d->data);
	free(d->kind);
	free(d);
}

bool vhd1_disk_kept(const struct vhd1_disk *a, const struct vhd1_disk *b)
{
	uint64_t i;

	if (!a)
		return true;
	if (!b || b->sectors < a->sectors)
		return false;
	for (i = 0; i < a->sectors; i++) {
		if (a->kind[i] == VHD1_DISK_LOST)
			continue;
		/* Zeros are zeros, stored or not; a parent's are not. */
		if (b->kind[i] == VHD1_DISK_LOST ||
		    (a->kind[i] == VHD_RUN_PARENT) !=
			    (b->kind[i] == VHD_RUN_PARENT) ||
		    memcmp(a->data + i * 512, b->data + i * 512, 512))
			return false;
	}
	return true;
}
