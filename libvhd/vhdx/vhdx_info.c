/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "vhdx/vhdx_write.h"

static enum vhd_type type_of(const struct vhdx *x)
{
	if (x->meta.has_parent)
		return VHD_TYPE_DIFF;
	return x->meta.leave_allocated ? VHD_TYPE_FIXED : VHD_TYPE_DYNAMIC;
}

/* Never smaller than the logical sector, whatever is recorded (VHDX-TOL-12). */
static uint32_t physical_of(const struct vhdx_meta *meta)
{
	if (!vhdx_sector_size_ok(meta->physical_sector) ||
	    meta->physical_sector < meta->logical_sector)
		return meta->logical_sector;
	return meta->physical_sector;
}

/* A writer changes it beside us. */
static void header_get(const struct vhdx *x, struct vhdx_header *out)
{
	if (x->write)
		vhdx_log_header(x->write->log, out);
	else
		*out = *vhdx_current(x);
}

static void fill_vhdx(const struct vhdx *x, const struct vhdx_header *h,
		      struct vhd_info_vhdx *out)
{
	snprintf(out->creator, sizeof(out->creator), "%s", x->creator);
	out->headers_ok = x->headers.ok;
	out->header_used = x->headers.current ? VHD_COPY_SECOND
					      : VHD_COPY_FIRST;
	out->region_tables_ok = x->region_pair.ok;
	out->header_seq = h->seq;
	out->file_write_guid = h->file_write_guid;
	out->data_write_guid = h->data_write_guid;
	out->log_guid = h->log_guid;
	out->log_version = h->log_version;
	out->version = h->version;
	out->log_off = h->log_off;
	out->log_len = h->log_len;
	out->bat_off = x->regions.bat.off;
	out->bat_len = x->regions.bat.len;
	out->metadata_off = x->regions.metadata.off;
	out->metadata_len = x->regions.metadata.len;
	out->leave_allocated = x->meta.leave_allocated;
	out->disk_id = x->meta.disk_id;
	if (x->overlay) {
		out->log_entries = vhdx_overlay_entries(x->overlay);
		out->log_pages = vhdx_overlay_pages(x->overlay);
	}
	out->replayed_file_size = x->file_size;
}

void vhdx_info(void *eng, struct vhd_info *out)
{
	const struct vhdx *x = eng;
	struct vhdx_header h;

	header_get(x, &h);
	*out = (struct vhd_info){
		.size = out->size,
		.format = VHD_FORMAT_VHDX,
		.type = type_of(x),
		.log = x->overlay ? VHD_LOG_REPLAYED : VHD_LOG_CLEAN,
		.virtual_size = x->meta.disk_size,
		.block_size = x->meta.block_size,
		.block_count = x->geom.blk_count,
		.logical_sector = x->meta.logical_sector,
		.physical_sector = physical_of(&x->meta),
		.file_size = x->write ? x->file_size : x->real_size,
		.disk_usage = VHD_NO_OFFSET,
		.id = h.data_write_guid,
		.has_parent = x->meta.has_parent,
	};
	fill_vhdx(x, &h, &out->vhdx);
}
