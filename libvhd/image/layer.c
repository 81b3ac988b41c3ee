/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/layer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/probe.h"

#define DEFAULT_CACHE MiB
/* What a layer far down has: memory grows with the logarithm of the depth. */
#define CHAIN_CACHE (8 * MiB)
#define LEAST_CACHE (64 * KiB)
/* Pages that wait to be written gather there: fewer, larger commits. */
#define DEFAULT_WRITER_CACHE (UINT64_C(4) << 20)

/* Carries a finding of an engine to the reporter, with its layer and file. */
struct tap {
	const struct vhd_reporter *reporter;
	uint32_t index;
	const char *file;
};

static void tap_report(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	const struct tap *tap = arg;

	tap->reporter->fn(tap->reporter->arg, tap->index, tap->file, rule, off,
			  msg);
}

uint64_t vhd_layer_cache(uint64_t asked, uint32_t index)
{
	uint64_t share = CHAIN_CACHE / (index + UINT64_C(1));

	if (asked)
		return asked;
	return max_u64(min_u64(DEFAULT_CACHE, share), LEAST_CACHE);
}

static void layer_describe(struct vhd_layer *layer)
{
	struct vhd_info info = { .size = sizeof(info) };

	layer->ops->info(layer->eng, &info);
	layer->size = info.virtual_size;
	layer->file_end = info.file_size;
	if (info.log == VHD_LOG_REPLAYED)
		layer->file_end = max_u64(info.file_size,
					  info.vhdx.replayed_file_size);
	layer->id = info.id;
	layer->format = info.format;
	layer->dirty_log = info.log == VHD_LOG_REPLAYED;
	layer->has_parent = info.has_parent;
	layer->logical_sector = info.logical_sector;
	layer->disk_id = info.vhdx.disk_id;
	vhd_io_file_id(layer->io, &layer->file_id);
}

int vhd_layer_open(struct vhd_io *io, const struct vhd_layer_open *how,
		   struct vhd_layer *layer, struct vhd_error *err)
{
	struct vhd_layer new = { .io = io };
	struct tap tap = { how->reporter, how->index, vhd_io_name(io) };
	struct vhd_engine_open req = {
		.io = io,
		.cache_bytes = how->cache_bytes,
		.size_rule = how->size_rule,
		.now = how->now,
		.writable = how->writable,
		.thread = how->thread,
		.flags = how->flags,
	};
	int rc;

	if (!how->writable)
		req.cache_bytes = vhd_layer_cache(how->cache_bytes, how->index);
	else if (!req.cache_bytes)
		req.cache_bytes = DEFAULT_WRITER_CACHE;
	if (how->reporter && how->reporter->fn)
		req.sink = (struct vhd_sink){ tap_report, &tap };
	rc = vhd_probe(io, how->format, how->allow_raw, &new.ops, err);
	if (!rc)
		rc = new.ops->open(&req, &new.eng, err);
	if (rc) {
		vhd_err_file(err, rc, vhd_io_name(io));
		vhd_io_close(&new.io, NULL);
		return rc;
	}
	layer_describe(&new);
	*layer = new;
	return 0;
}

int vhd_layer_close(struct vhd_layer *layer, struct vhd_error *err)
{
	int rc = 0, rc2;

	if (layer->eng && layer->ops->shut)
		rc = layer->ops->shut(layer->eng, err);
	if (rc)
		vhd_err_file(err, rc, vhd_io_name(layer->io));
	if (layer->eng)
		layer->ops->close(layer->eng);
	layer->eng = NULL;
	rc2 = vhd_io_close(&layer->io, rc ? NULL : err);
	return rc ? rc : rc2;
}

int vhd_layer_run(const struct vhd_layer *layer, bool moving, uint64_t off,
		  uint64_t len, struct vhd_run *run, struct vhd_error *err)
{
	int rc;

	if (moving && layer->ops->place_of)
		rc = layer->ops->place_of(layer->eng, off, len, run, err);
	else
		rc = layer->ops->map(layer->eng, off, len, run, err);
	return rc ? vhd_err_file(err, rc, vhd_io_name(layer->io)) : 0;
}
