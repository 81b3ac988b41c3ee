/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_verify.h"

#include "base/ckd.h"
#include "engine/engine.h"
#include "fuzz/fuzz.h"
#include "image/probe.h"

/* 2020-01-01, so that time stamps are judged and results do not change. */
#define NOW INT64_C(1577836800)

enum { MAPS = 2000 };

static void on_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	struct fuzz_verify *v = arg;

	(void)off;
	FUZZ_CHECK(rule && *rule->id && *rule->name);
	FUZZ_CHECK(rule->severity <= VHD_SEV_FATAL);
	FUZZ_CHECK(fuzz_sentence(msg));
	v->found[rule->severity]++;
}

struct tick {
	uint64_t last;
};

static bool go_on(void *arg, uint64_t done, uint64_t total)
{
	struct tick *t = arg;

	FUZZ_CHECK(done <= total);
	FUZZ_CHECK(done >= t->last);
	t->last = done;
	return true;
}

static bool sound(const struct fuzz_verify *v)
{
	return !v->check_rc && !v->found[VHD_SEV_ERROR] &&
	       !v->found[VHD_SEV_FATAL];
}

/* V2.  I/O errors are ours: the call limit. */
static void map_all(const struct fuzz_file *f, const struct vhd_engine *ops,
		    void *eng)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_run run;
	struct vhd_error err;
	uint64_t off;
	int i, rc;

	ops->info(eng, &info);
	for (i = 0, off = 0; i < MAPS && off < info.virtual_size; i++) {
		fuzz_error_arm(&err);
		rc = ops->map(eng, off, info.virtual_size - off, &run, &err);
		fuzz_error_ok(rc, &err);
		/* Sound, and nothing for us: an encrypted disk. */
		if (rc == VHD_E_UNSUPPORTED || (rc && fuzz_file_exhausted(f)))
			return;
		fuzz_no_error(rc, &err);
		FUZZ_CHECK(run.len && run.len <= info.virtual_size - off);
		off += run.len;
	}
}

static void check_engine(const struct fuzz_file *f,
			 const struct vhd_engine *ops, void *eng,
			 struct fuzz_verify *v)
{
	struct tick tick = { 0 };
	struct vhd_engine_check req = {
		.now = NOW,
		.deep = v->deep,
		.sink = { on_finding, v },
		.progress = go_on,
		.progress_arg = &tick,
	};
	struct vhd_error err;

	if (ops->check) {
		fuzz_error_arm(&err);
		v->check_rc = ops->check(eng, &req, &err);
		fuzz_error_ok(v->check_rc, &err);
		v->blocks = req.blocks;
	}
	if (sound(v))
		map_all(f, ops, eng);
}

static void open_engine(const struct fuzz_file *f, struct vhd_io *io,
			struct fuzz_verify *v)
{
	struct vhd_engine_open req = {
		.io = io, .now = NOW, .sink = { on_finding, v },
	};
	const struct vhd_engine *ops = NULL;
	struct vhd_error err;
	void *eng = NULL;

	fuzz_error_arm(&err);
	v->open_rc = vhd_probe(io, VHD_FORMAT_AUTO, false, &ops, &err);
	fuzz_error_ok(v->open_rc, &err);
	FUZZ_CHECK(!v->open_rc == !!ops);
	if (!ops)
		return;
	fuzz_error_arm(&err);
	v->open_rc = ops->open(&req, &eng, &err);
	fuzz_error_ok(v->open_rc, &err);
	FUZZ_CHECK(!v->open_rc == !!eng);
	if (!eng)
		return;
	check_engine(f, ops, eng, v);
	ops->close(eng);
}

void fuzz_verify(struct fuzz_file *f, bool deep, struct fuzz_verify *v)
{
	struct vhd_io *io = NULL;
	struct vhd_error err;
	int rc;

	*v = (struct fuzz_verify){ .deep = deep };
	fuzz_memory_reset();
	if (deep)
		fuzz_memory_unsummed();
	fuzz_error_arm(&err);
	rc = vhd_io_new(f->flat ? &fuzz_file_flat_ops : &fuzz_file_ops, f,
			"fuzz", &io, &err);
	fuzz_error_ok(rc, &err);
	FUZZ_CHECK(!rc && io);
	open_engine(f, io, v);
	FUZZ_CHECK(!vhd_io_close(&io, NULL));
	v->memory = fuzz_memory_sum();
}
