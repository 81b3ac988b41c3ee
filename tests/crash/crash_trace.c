/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"

static void apply_part(const struct crash_op *op, uint64_t from, uint64_t len,
		       struct crash_file *f)
{
	switch (op->kind) {
	case VHD_TRACE_WRITE:
		crash_file_write(f, op->data + from, len, op->off + from);
		return;
	case VHD_TRACE_ZERO:
		if (op->off + from + len > crash_file_size(f))
			crash_file_set_size(f, op->off + from + len);
		crash_file_clear(f, len, op->off + from);
		return;
	case VHD_TRACE_PUNCH:
		crash_file_clear(f, len, op->off + from);
		return;
	case VHD_TRACE_SIZE:
		crash_file_set_size(f, op->off);
		return;
	case VHD_TRACE_FLUSH:
		return;
	}
}

uint64_t crash_op_sectors(const struct crash_op *op)
{
	if (op->kind == VHD_TRACE_SIZE || op->kind == VHD_TRACE_FLUSH)
		return 0;
	return div_ceil(op->off % CRASH_SECTOR + op->len, CRASH_SECTOR);
}

/* Sectors [from, to) of the operation, counted from the one it starts in. */
static void apply_sectors(const struct crash_op *op, uint64_t from,
			  uint64_t to, struct crash_file *f)
{
	uint64_t skew = op->off % CRASH_SECTOR;
	uint64_t a = from ? from * CRASH_SECTOR - skew : 0;
	uint64_t b = min_u64(to * CRASH_SECTOR - skew, op->len);

	if (a < b)
		apply_part(op, a, b - a, f);
}

static void apply_pieces(const struct crash_op *op, uint64_t n, uint64_t seed,
			 uint64_t longest, struct crash_file *f)
{
	uint64_t at = 0;
	bool keep = base_rand_below(&seed, 2);

	while (at < n) {
		uint64_t len = 1 + base_rand_below(&seed, longest);
		uint64_t end = min_u64(at + len, n);

		if (keep)
			apply_sectors(op, at, end, f);
		at = end;
		keep = longest == 1 ? base_rand_below(&seed, 2) : !keep;
	}
}

void crash_op_apply(const struct crash_op *op, const struct crash_tear *tear,
		    struct crash_file *f)
{
	uint64_t n = crash_op_sectors(op);

	if (!n) {
		apply_part(op, 0, op->len, f);
		return;
	}
	switch (tear->how) {
	case CRASH_WHOLE:
		apply_part(op, 0, op->len, f);
		return;
	case CRASH_PREFIX:
		if (tear->arg)
			apply_sectors(op, 0, min_u64(tear->arg, n), f);
		return;
	case CRASH_SUFFIX:
		apply_sectors(op, min_u64(tear->arg, n), n, f);
		return;
	case CRASH_PIECES:
		apply_pieces(op, n, tear->arg, max_u64(n / 3, 2), f);
		return;
	case CRASH_SECTORS:
		apply_pieces(op, n, tear->arg, 1, f);
		return;
	}
}

/*
 * Widens to whole sectors; @f holds what is there afterwards.  Zeros that begin
 * or end inside a sector become a write.
 */
static void widen(struct crash_op *op, const struct crash_file *f)
{
	uint64_t off = align_down(op->off, CRASH_SECTOR);
	uint64_t end = align_up(op->off + op->len, CRASH_SECTOR);
	uint8_t *data;

	end = max_u64(min_u64(end, crash_file_size(f)), op->off + op->len);
	if (off == op->off && end == op->off + op->len)
		return;
	if (op->kind == VHD_TRACE_PUNCH)
		end = min_u64(end, crash_file_size(f));
	if (end <= off)
		return;
	data = crash_alloc((size_t)(end - off), 1);
	crash_file_read(f, data, end - off, off);
	*op = (struct crash_op){ VHD_TRACE_WRITE, off, end - off, data, true };
}

void crash_ops_get(struct crash_ops *ops, const struct vhd_trace *t,
		   struct crash_base *base)
{
	static const struct crash_tear whole = { CRASH_WHOLE, 0 };
	struct crash_file *f = crash_file_new();

	crash_file_reset(f, base);
	ops->count = vhd_trace_count(t);
	ops->op = crash_alloc(ops->count, sizeof(*ops->op));
	for (size_t i = 0; i < ops->count; i++) {
		const struct vhd_trace_op *from = vhd_trace_op(t, i);
		struct crash_op *op = &ops->op[i];

		*op = (struct crash_op){ from->kind, from->off, from->len,
					 from->data, false };
		crash_op_apply(op, &whole, f);
		if (crash_op_sectors(op))
			widen(op, f);
	}
	crash_file_free(f);
}

void crash_ops_flushed(const struct crash_ops *ops, struct crash_file *f)
{
	static const struct crash_tear whole = { CRASH_WHOLE, 0 };
	size_t n = ops->count;

	while (n && ops->op[n - 1].kind != VHD_TRACE_FLUSH)
		n--;
	for (size_t i = 0; i < n; i++)
		if (ops->op[i].kind != VHD_TRACE_FLUSH)
			crash_op_apply(&ops->op[i], &whole, f);
}

void crash_ops_free(struct crash_ops *ops)
{
	for (size_t i = 0; i < ops->count; i++) {
		if (ops->op[i].own_data)
			free((void *)(uintptr_t)ops->op[i].data);
	}
	free(ops->op);
	memset(ops, 0, sizeof(*ops));
}

/* The bytes that an operation may change. */
static void span(const struct crash_op *op, uint64_t *off, uint64_t *end)
{
	*off = op->off;
	*end = op->kind == VHD_TRACE_SIZE ? UINT64_MAX : op->off + op->len;
	if (op->kind == VHD_TRACE_FLUSH)
		*end = *off;
}

bool crash_op_overlap(const struct crash_op *a, const struct crash_op *b)
{
	uint64_t a_off, a_end, b_off, b_end;

	span(a, &a_off, &a_end);
	span(b, &b_off, &b_end);
	return a_off < b_end && b_off < a_end;
}

void crash_op_print(const struct crash_op *op, FILE *out)
{
	static const char *const names[] = {
		[VHD_TRACE_WRITE] = "write", [VHD_TRACE_ZERO] = "zero",
		[VHD_TRACE_PUNCH] = "punch", [VHD_TRACE_SIZE] = "size",
		[VHD_TRACE_FLUSH] = "flush",
	};

	if (op->kind == VHD_TRACE_FLUSH)
		fprintf(out, "flush");
	else if (op->kind == VHD_TRACE_SIZE)
		fprintf(out, "size 0x%" PRIx64, op->off);
	else
		fprintf(out, "%s 0x%" PRIx64 " + 0x%" PRIx64, names[op->kind],
			op->off, op->len);
	if (op->kind == VHD_TRACE_WRITE && op->len >= 8) {
		fprintf(out, "  ");
		for (int i = 0; i < 8; i++)
			fprintf(out, "%c", op->data[i] > 31 &&
				op->data[i] < 127 ? op->data[i] : '.');
	}
}
