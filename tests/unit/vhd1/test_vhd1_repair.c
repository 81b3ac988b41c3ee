/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One damage each: found, left alone without consent, mended with it, nothing
 * lost that could be read, and nothing to do a second time.  And the same with
 * the power failing at each write.
 */
#include <string.h>

#include "io/io_mem.h"
#include "io/io_record.h"
#include "support/check_main.h"
#include "support/stride.h"
#include "support/vhd1_damages.h"
#include "support/vhd1_repairing.h"
#include "vhd1/vhd1.h"

static enum vhd_repair repair_of(const char *name)
{
	const struct vhd_rule *rules;
	size_t n, i;

	rules = vhd_rules(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(rules[i].name, name))
			return rules[i].repair;
	ck_abort_msg("no rule %s", name);
	return VHD_REPAIR_NONE;
}

/* How often the rule is found; what opening refuses counts. */
static unsigned found(struct vhd_io *io, const struct vhd1_damage *d,
		      unsigned *errors_out)
{
	struct vhd1_seen seen;
	struct vhd_error err = { 0 };
	int rc = vhd1_image_check_as(io, d->flags & VHD1_DEEP, &seen, &err);

	/* Of two footers one is written first. */
	if (errors_out)
		*errors_out = rc ||
			(seen.worst >= VHD_SEV_ERROR &&
			 !vhd1_seen_count(&seen, "VHD1_FOOTERS_DIFFER"));
	if (!rc)
		return vhd1_seen_count(&seen, d->rule);
	ck_assert_ptr_nonnull(err.rule);
	return !strcmp(err.rule->name, d->rule);
}

START_TEST(vhd1_repair__mends_one_damage)
{
	const struct vhd1_damage *d = &vhd1_damages[_i];
	struct vhd1_owner none = { .allow = { NULL } };
	struct vhd1_owner some = { .allow = { d->allow ? d->allow : d->rule } };
	struct vhd_io *io = vhd1_image_new(d->spec), *as_it_was;
	struct vhd1_disk *before, *after;

	d->make(io);
	ck_assert_msg(found(io, d, NULL), "%s is not there", d->rule);
	before = vhd1_disk_read(io);
	as_it_was = vhd1_image_copy(io);
	vhd1_repair_all(io, &none);
	if (repair_of(d->rule) == VHD_REPAIR_ASK) {
		ck_assert_msg(found(io, d, NULL), "%s needs consent", d->rule);
		/* Nobody dives without being told to. */
		ck_assert_msg(none.possible || d->flags & VHD1_DEEP,
			      "%s is not offered", d->rule);
		ck_assert_msg(none.granted || vhd1_image_same(io, as_it_was),
			      "%s: changed", d->rule);
	}
	vhd1_repair_all(io, &some);
	ck_assert_msg(none.granted || some.granted, "%s: nothing done",
		      d->rule);
	ck_assert_msg(!found(io, d, NULL), "%s is still there after \"%s\"",
		      d->rule, some.said);
	after = vhd1_disk_read(io);
	if (!(d->flags & VHD1_LESS))
		ck_assert_msg(vhd1_disk_kept(before, after),
			      "%s: a guest reads something else", d->rule);
	vhd1_repair_all(io, &some);
	ck_assert_msg(!some.granted, "%s: again \"%s\"", d->rule, some.said);
	vhd1_disk_free(before);
	vhd1_disk_free(after);
	vhd_io_close(&as_it_was, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

/* The file with the first @n operations done. */
static struct vhd_io *state_of(struct vhd_io *base, const struct vhd_trace *t,
			       size_t n)
{
	struct vhd_io *io = vhd1_image_copy(base);
	size_t i;

	for (i = 0; i < n; i++)
		ck_assert_int_eq(vhd_trace_apply(vhd_trace_op(t, i), io, NULL),
				 0);
	return io;
}

static struct vhd_io *recorded(struct vhd_io *base, struct vhd_trace *t)
{
	struct vhd_io *io;
	void *inner;
	uint64_t size = vhd1_image_size(base);
	uint8_t *buf = malloc(size);

	vhd1_image_get(base, buf, size, 0);
	inner = vhd_mem_new(buf, size);
	free(buf);
	ck_assert_ptr_nonnull(inner);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops,
				    vhd_record_new(&vhd_mem_ops, inner, t),
				    "recorded", &io, NULL), 0);
	return io;
}

static void cut_at(const struct vhd1_damage *d, struct vhd_io *base,
		   const struct vhd_trace *t, size_t n,
		   const struct vhd1_disk *before, unsigned worst)
{
	struct vhd1_owner some = { .allow = { d->allow ? d->allow : d->rule } };
	struct vhd_io *io = state_of(base, t, n);
	struct vhd1_disk *now = vhd1_disk_read(io);
	unsigned errors;

	if (!(d->flags & VHD1_LESS))
		ck_assert_msg(vhd1_disk_kept(before, now), "%s: power cut "
			      "after %zu of %zu", d->rule, n,
			      vhd_trace_count(t));
	vhd1_disk_free(now);
	found(io, d, &errors);
	if (n && vhd_trace_op(t, n - 1)->kind == VHD_TRACE_FLUSH)
		ck_assert_msg(errors <= worst, "%s: worse after %zu of %zu",
			      d->rule, n, vhd_trace_count(t));
	vhd1_repair_all(io, &some);
	ck_assert_msg(!found(io, &(struct vhd1_damage){
				"VHD1_FOOTERS_DIFFER",
						   NULL, NULL, NULL, 0 },
			     NULL), "%s: power cut after %zu of %zu, and the "
		      "footers still differ", d->rule, n, vhd_trace_count(t));
	ck_assert_msg(!found(io, d, NULL), "%s: power cut after %zu of %zu, "
		      "and it is not mended again", d->rule, n,
		      vhd_trace_count(t));
	vhd_io_close(&io, NULL);
}

START_TEST(vhd1_repair__survives_power_cuts)
{
	const struct vhd1_damage *d = &vhd1_damages[_i];
	struct vhd1_owner some = { .allow = { d->allow ? d->allow : d->rule } };
	struct vhd_io *base = vhd1_image_new(d->spec), *io;
	struct vhd_trace *t = vhd_trace_new();
	struct vhd1_disk *before;
	unsigned worst;
	size_t i;

	d->make(base);
	found(base, d, &worst);
	before = vhd1_disk_read(base);
	io = recorded(base, t);
	vhd1_repair_all(io, &some);
	for (i = 0; i <= vhd_trace_count(t); i += STRIDE)
		cut_at(d, base, t, i, before, worst);
	vhd1_disk_free(before);
	vhd_io_close(&io, NULL);
	vhd_io_close(&base, NULL);
	vhd_trace_free(t);
}
END_TEST

TEST_MAIN_ROWS("vhd1/repair",
	       LOOP(vhd1_repair__mends_one_damage, (int)vhd1_damage_count),
	       LOOP(vhd1_repair__survives_power_cuts, (int)vhd1_damage_count))
