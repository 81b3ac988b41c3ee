/* SPDX-License-Identifier: BSD-2-Clause */
#include "errors.h"
#include "info.h"
#include "json.h"

enum { LOCATORS_MAX = 32 };

static json_t *vhd_object(const struct vhd_info_vhd *v)
{
	json_t *o = json_object();
	char time[INFO_TIME_TEXT];

	json_put(o, "features", json_u64(v->features));
	json_put(o, "format_version", json_u64(v->format_version));
	json_put(o, "data_offset", json_u64(v->data_offset));
	json_put(o, "timestamp", json_integer(v->timestamp));
	json_put(o, "created", json_string(info_time(v->timestamp, time)));
	json_put(o, "creator_app", json_text(v->creator_app));
	json_put(o, "creator_version", json_u64(v->creator_version));
	json_put(o, "creator_os", json_text(v->creator_os));
	json_put(o, "original_size", json_u64(v->original_size));
	json_put(o, "current_size", json_u64(v->current_size));
	json_put(o, "cylinders", json_u64(v->cylinders));
	json_put(o, "heads", json_u64(v->heads));
	json_put(o, "sectors_per_track", json_u64(v->sectors_per_track));
	json_put(o, "chs_size", json_u64(v->chs_size));
	json_put(o, "disk_type", json_u64(v->disk_type));
	json_put(o, "unique_id", json_guid(&v->unique_id));
	json_put(o, "saved_state", json_boolean(v->saved_state));
	json_put(o, "hidden", json_boolean(v->hidden));
	json_put(o, "footers_ok", json_string(info_copies(v->footers_ok)));
	json_put(o, "footer_used", json_string(info_copies(v->footer_used)));
	return o;
}

/* What only images with a dynamic header have. */
static void put_vhd_header(json_t *o, const struct vhd_info *info)
{
	const struct vhd_info_vhd *v = &info->vhd;

	if (info->type == VHD_TYPE_FIXED)
		return;
	json_put(o, "bat_offset", json_u64(v->bat_off));
	json_put(o, "bat_entries", json_u64(v->bat_entries));
	json_put(o, "has_batmap", json_boolean(v->has_batmap));
	json_put(o, "has_keyhash", json_boolean(v->has_keyhash));
	json_put(o, "batmap_offset",
		 v->has_batmap ? json_u64(v->batmap_off) : json_null());
	if (!info->has_parent)
		return;
	json_put(o, "parent_unique_id", json_guid(&v->parent_unique_id));
	json_put(o, "parent_timestamp", json_integer(v->parent_timestamp));
	json_put(o, "parent_name", json_text(v->parent_name));
}

static json_t *vhdx_object(const struct vhd_info_vhdx *x)
{
	json_t *o = json_object();

	json_put(o, "creator", json_text(x->creator));
	json_put(o, "version", json_u64(x->version));
	json_put(o, "headers_ok", json_string(info_copies(x->headers_ok)));
	json_put(o, "header_used", json_string(info_copies(x->header_used)));
	json_put(o, "header_sequence", json_u64(x->header_seq));
	json_put(o, "region_tables_ok",
		 json_string(info_copies(x->region_tables_ok)));
	json_put(o, "file_write_guid", json_guid(&x->file_write_guid));
	json_put(o, "data_write_guid", json_guid(&x->data_write_guid));
	json_put(o, "virtual_disk_id", json_guid(&x->disk_id));
	json_put(o, "leave_allocated", json_boolean(x->leave_allocated));
	json_put(o, "log_guid", json_guid(&x->log_guid));
	json_put(o, "log_version", json_u64(x->log_version));
	json_put(o, "log_offset", json_u64(x->log_off));
	json_put(o, "log_length", json_u64(x->log_len));
	json_put(o, "log_entries_replayed", json_u64(x->log_entries));
	json_put(o, "log_pages_replayed", json_u64(x->log_pages));
	json_put(o, "replayed_file_size", json_u64(x->replayed_file_size));
	json_put(o, "bat_offset", json_u64(x->bat_off));
	json_put(o, "bat_length", json_u64(x->bat_len));
	json_put(o, "metadata_offset", json_u64(x->metadata_off));
	json_put(o, "metadata_length", json_u64(x->metadata_len));
	return o;
}

static json_t *locators_array(struct vhd_image *img, uint32_t layer)
{
	struct vhd_locator loc[LOCATORS_MAX];
	size_t n = vhd_layer_locators(img, layer, loc, LOCATORS_MAX);
	json_t *array = json_array();

	for (size_t i = 0; i < n && i < LOCATORS_MAX; i++) {
		json_t *o = json_object();

		json_put(o, "kind", json_string(info_locator_name(loc[i].kind)));
		json_put(o, "code", json_text(loc[i].code));
		json_put(o, "text", json_text(loc[i].text));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *usage_object(const struct vhd_usage *u)
{
	json_t *o;

	if (!u->complete)
		return json_null();
	o = json_object();
	json_put(o, "blocks_data", json_u64(u->blocks_data));
	json_put(o, "blocks_partial",
		 u->partial_known ? json_u64(u->blocks_partial) : json_null());
	json_put(o, "blocks_zero", json_u64(u->blocks_zero));
	json_put(o, "data_bytes", json_u64(u->data_bytes));
	return o;
}

/* The fields that every layer of every format has. */
static json_t *brief_object(const struct info_view *view, uint32_t layer,
			    const struct vhd_info *info)
{
	json_t *o = json_object();

	json_put(o, "file", json_text(vhd_layer_path(view->img, layer)));
	json_put(o, "layer", json_u64(layer));
	json_put(o, "format", json_string(vhd_format_name(info->format)));
	json_put(o, "type", json_string(vhd_type_name(info->type)));
	json_put(o, "virtual_size", json_u64(info->virtual_size));
	json_put(o, "id", info->format == VHD_FORMAT_RAW ? json_null() :
							   json_guid(&info->id));
	return o;
}

static void put_details(json_t *o, const struct info_view *view,
			uint32_t layer, const struct vhd_info *info,
			const struct vhd_usage *usage)
{
	json_t *own;

	json_put(o, "block_size", json_u64(info->block_size));
	json_put(o, "block_count", json_u64(info->block_count));
	json_put(o, "logical_sector", json_u64(info->logical_sector));
	json_put(o, "physical_sector", json_u64(info->physical_sector));
	json_put(o, "file_size", json_u64(info->file_size));
	json_put(o, "disk_usage", json_u64(info->disk_usage));
	json_put(o, "log", json_string(info_log_name(info->log)));
	json_put(o, "has_parent", json_boolean(info->has_parent));
	json_put(o, "raw_parent", json_boolean(info->raw_parent));
	json_put(o, "parent_locators", locators_array(view->img, layer));
	json_put(o, "allocation", usage_object(usage));
	if (info->format == VHD_FORMAT_VHD) {
		own = vhd_object(&info->vhd);
		put_vhd_header(own, info);
		json_put(o, "vhd", own);
	} else if (info->format == VHD_FORMAT_VHDX) {
		json_put(o, "vhdx", vhdx_object(&info->vhdx));
	}
}

static int layer_object(struct cli *cli, const struct info_view *view,
			uint32_t layer, bool full, json_t **object_out)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_usage usage = { .complete = false };
	const char *path = vhd_layer_path(view->img, layer);
	json_t *o;

	if (vhd_layer_info(view->img, layer, &info, &err) != 0)
		return error_report(cli, &err, path);
	if (full)
		info_usage(cli, view, layer, &usage);
	o = brief_object(view, layer, &info);
	if (full)
		put_details(o, view, layer, &info, &usage);
	*object_out = o;
	return CLI_GO;
}

static int merge_object(struct cli *cli, const struct info_view *view,
			json_t **object_out)
{
	struct vhd_error err = { .code = VHD_OK };
	int64_t merged, into;
	uint64_t pos;

	if (vhd_merge_unfinished(view->img, &merged, &into, &pos, &err) != 0)
		return error_report(cli, &err, view->path);
	*object_out = json_null();
	if (into < 0)
		return CLI_GO;
	*object_out = json_object();
	json_put(*object_out, "into",
		 json_text(vhd_layer_path(view->img, (uint32_t)into)));
	json_put(*object_out, "of", merged < 0 ? json_null() :
		 json_text(vhd_layer_path(view->img, (uint32_t)merged)));
	json_put(*object_out, "done_bytes", json_u64(pos));
	return CLI_GO;
}

int info_json(struct cli *cli, const struct info_view *view)
{
	json_t *doc = json_object(), *chain = json_array(), *o = NULL;
	uint32_t layers = vhd_layers(view->img);
	int status = layer_object(cli, view, 0, true, &o);

	if (status != CLI_GO)
		goto out;
	json_put(doc, "image", o);
	for (uint32_t i = 0; i < layers; i++) {
		status = layer_object(cli, view, i, view->chain, &o);
		if (status != CLI_GO)
			goto out;
		json_array_append_new(chain, o);
	}
	json_put(doc, "chain", json_incref(chain));
	json_put(doc, "chain_complete", json_boolean(view->parent_err == NULL));
	json_put(doc, "chain_error", view->parent_err == NULL ? json_null() :
		 json_error_object(view->parent_err));
	status = merge_object(cli, view, &o);
	if (status != CLI_GO)
		goto out;
	json_put(doc, "unfinished_merge", o);
	info_parts_json(cli, view, doc);
	status = json_print(cli, doc);
	doc = NULL;
out:
	json_decref(chain);
	json_decref(doc);
	return status;
}
