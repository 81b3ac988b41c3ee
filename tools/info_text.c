/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdarg.h>

#include "common/color.h"
#include "errors.h"
#include "info.h"
#include "common/size.h"
#include "common/text.h"

enum { LABEL_COLUMNS = 18, LOCATORS_MAX = 32, LINE_TEXT = 1024 };

/* A line "  label    value". */
static void field(const char *label, const char *fmt, ...) VHD_PRINTF(2, 3);

static void field(const char *label, const char *fmt, ...)
{
	char line[LINE_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("  %-*s ", LABEL_COLUMNS, label);
	text_put(stdout, line);
	putchar('\n');
}

static void field_size(const char *label, uint64_t size)
{
	char text[SIZE_TEXT];

	if (size < 1024)
		field(label, "%" PRIu64 " bytes", size);
	else
		field(label, "%s (%" PRIu64 " bytes)", size_human(size, text),
		      size);
}

static void field_guid(const char *label, const struct vhd_guid *guid)
{
	char text[VHD_GUID_TEXT];

	vhd_guid_format(guid, text);
	field(label, "%s", text);
}

static void field_place(const char *label, uint64_t off, uint64_t len)
{
	char text[SIZE_TEXT];

	field(label, "0x%" PRIx64 ", %s", off, size_format(len, text));
}

static void heading(const char *text)
{
	bool color = color_wanted(stdout);

	printf("%s%s%s\n", color_code(color, COLOR_BOLD), text,
	       color_code(color, COLOR_NONE));
}

/* "differencing VHDX, 64 GiB" */
static void print_brief(const struct info_view *view, uint32_t layer,
			const struct vhd_info *info)
{
	char size[SIZE_TEXT];

	text_put(stdout, vhd_layer_path(view->img, layer));
	if (info->format == VHD_FORMAT_RAW)
		fputs(": raw disk", stdout);
	else
		printf(": %s %s", vhd_type_name(info->type),
		       info->format == VHD_FORMAT_VHD ? "VHD" : "VHDX");
	printf(", %s\n", size_human(info->virtual_size, size));
}

static void print_usage(struct cli *cli, const struct info_view *view,
			uint32_t layer, const struct vhd_info *info)
{
	struct vhd_usage u = { .complete = false };
	char size[SIZE_TEXT];

	if (info->block_size == 0)
		return;
	info_usage(cli, view, layer, &u);
	if (!u.complete) {
		field("allocated", "not counted; --allocation counts");
		return;
	}
	field("allocated", "%" PRIu64 " of %" PRIu64 " blocks, %s",
	      u.blocks_data, info->block_count, size_human(u.data_bytes, size));
	if (u.blocks_partial > 0)
		field("partial", "%" PRIu64 " blocks", u.blocks_partial);
	if (u.blocks_zero > 0)
		field("zero", "%" PRIu64 " blocks", u.blocks_zero);
}

static void print_disk(struct cli *cli, const struct info_view *view,
		       uint32_t layer, const struct vhd_info *info)
{
	char size[SIZE_TEXT];

	heading("Disk");
	field_size("size", info->virtual_size);
	field("sectors", "%" PRIu32 " bytes logical, %" PRIu32
	      " bytes physical", info->logical_sector, info->physical_sector);
	if (info->block_size > 0)
		field("blocks", "%" PRIu64 " of %s", info->block_count,
		      size_format(info->block_size, size));
	print_usage(cli, view, layer, info);
	heading("File");
	field_size("length", info->file_size);
	if (info->disk_usage != VHD_NO_OFFSET)
		field_size("on disk", info->disk_usage);
}

static void print_vhd(const struct vhd_info *info)
{
	const struct vhd_info_vhd *v = &info->vhd;
	char time[INFO_TIME_TEXT], size[SIZE_TEXT];
	const char *os = v->creator_os;

	field("made", "%s by \"%s\" %" PRIu32 ".%" PRIu32 "%s%s%s",
	      info_time(v->timestamp, time), v->creator_app,
	      v->creator_version >> 16, v->creator_version & 0xffffu,
	      os[0] != '\0' ? " on \"" : "", os,
	      os[0] != '\0' ? "\"" : "");
	field_guid("unique id", &v->unique_id);
	heading("Headers");
	field("format version", "%" PRIu32 ".%" PRIu32,
	      v->format_version >> 16, v->format_version & 0xffffu);
	field("features", "0x%08" PRIx32, v->features);
	if (info->type == VHD_TYPE_FIXED)
		field("footer", "at the end: %s",
		      v->footers_ok & VHD_COPY_SECOND ? "sound" : "damaged");
	else
		field("footers", "sound: %s; used: %s",
		      info_copies(v->footers_ok), info_copies(v->footer_used));
	field_size("current size", v->current_size);
	if (v->original_size != v->current_size)
		field_size("original size", v->original_size);
	field("geometry", "%" PRIu32 " cylinders, %" PRIu32 " heads, %" PRIu32
	      " sectors: %s (%" PRIu64 " bytes)", v->cylinders, v->heads,
	      v->sectors_per_track, size_human(v->chs_size, size), v->chs_size);
	if (v->saved_state)
		field("saved state", "yes");
	if (v->hidden)
		field("hidden", "yes");
	if (info->type == VHD_TYPE_FIXED)
		return;
	field("dynamic header", "0x%" PRIx64, v->data_offset);
	field("block table", "0x%" PRIx64 ", %" PRIu32 " entries", v->bat_off,
	      v->bat_entries);
	if (v->has_batmap)
		field("batmap", "0x%" PRIx64, v->batmap_off);
	if (v->has_keyhash)
		field("key hash", "yes");
}

static void print_vhdx(const struct vhd_info *info)
{
	const struct vhd_info_vhdx *x = &info->vhdx;

	field("made by", "%s", x->creator[0] != '\0' ? x->creator : "unknown");
	field_guid("virtual disk id", &x->disk_id);
	field_guid("data write guid", &x->data_write_guid);
	field_guid("file write guid", &x->file_write_guid);
	heading("Headers");
	field("version", "%" PRIu32, x->version);
	field("headers", "sound: %s; used: %s, sequence %" PRIu64,
	      info_copies(x->headers_ok), info_copies(x->header_used),
	      x->header_seq);
	field("region tables", "sound: %s", info_copies(x->region_tables_ok));
	field_place("metadata", x->metadata_off, x->metadata_len);
	field_place("block table", x->bat_off, x->bat_len);
	field_place("log", x->log_off, x->log_len);
	if (info->log != VHD_LOG_REPLAYED) {
		field("log state", "%s", info_log_name(info->log));
		return;
	}
	field("log state", "pending: %" PRIu64 " entries, %" PRIu64
	      " pages, replayed in memory only", x->log_entries, x->log_pages);
	field_guid("log guid", &x->log_guid);
	field_size("replayed length", x->replayed_file_size);
}

static void print_parent(const struct info_view *view, uint32_t layer,
			 const struct vhd_info *info)
{
	struct vhd_locator loc[LOCATORS_MAX];
	char time[INFO_TIME_TEXT];
	size_t n;

	if (!info->has_parent)
		return;
	heading("Recorded parent");
	if (info->raw_parent)
		field("format", "raw disk");
	if (info->format == VHD_FORMAT_VHD) {
		field_guid("unique id", &info->vhd.parent_unique_id);
		field("modified", "%s",
		      info_time(info->vhd.parent_timestamp, time));
	}
	n = vhd_layer_locators(view->img, layer, loc, LOCATORS_MAX);
	for (size_t i = 0; i < n && i < LOCATORS_MAX; i++)
		field(loc[i].code, "%s", loc[i].text);
	if (n > LOCATORS_MAX)
		field("", "and %zu more", n - LOCATORS_MAX);
}

static int print_layer(struct cli *cli, const struct info_view *view,
		       uint32_t layer)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_error err = { .code = VHD_OK };

	if (vhd_layer_info(view->img, layer, &info, &err) != 0)
		return error_report(cli, &err,
				    vhd_layer_path(view->img, layer));
	print_brief(view, layer, &info);
	print_disk(cli, view, layer, &info);
	if (info.format == VHD_FORMAT_VHD)
		print_vhd(&info);
	else if (info.format == VHD_FORMAT_VHDX)
		print_vhdx(&info);
	print_parent(view, layer, &info);
	return CLI_OK;
}

/* A line per layer, each on top of the next. */
static int print_chain(struct cli *cli, const struct info_view *view)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_error err = { .code = VHD_OK };
	uint32_t layers = vhd_layers(view->img);

	if (layers == 1 && view->parent_err == NULL)
		return CLI_OK;
	heading("Chain");
	for (uint32_t i = 0; i < layers; i++) {
		if (vhd_layer_info(view->img, i, &info, &err) != 0)
			return error_report(cli, &err,
					    vhd_layer_path(view->img, i));
		printf("  %*s%s", (int)(i > 40 ? 40 : i) * 2, "",
		       i > 0 ? "on " : "");
		print_brief(view, i, &info);
	}
	if (view->parent_err != NULL)
		printf("  %*son %s\n", (int)layers * 2, "",
		       "a parent that could not be used");
	return CLI_OK;
}

/* The layers between do not know of it. */
static int print_merge(struct cli *cli, const struct info_view *view)
{
	struct vhd_error err = { .code = VHD_OK };
	int64_t merged, into;
	uint64_t pos;

	if (vhd_merge_unfinished(view->img, &merged, &into, &pos, &err) != 0)
		return error_report(cli, &err, view->path);
	if (into < 0)
		return CLI_OK;
	heading("Unfinished merge");
	field("into", "%s", vhd_layer_path(view->img, (uint32_t)into));
	if (merged >= 0) {
		field("of", "%s", vhd_layer_path(view->img, (uint32_t)merged));
		field_size("done", pos);
	} else {
		field("of", "another image: until that is merged to its end, "
		      "what this one shows is a mixture of two disks");
	}
	field("to finish it", "give the same vhd-util merge command again");
	return CLI_OK;
}

static void print_part(enum ptable_kind kind, const struct part *p)
{
	char label[16], size[SIZE_TEXT], type[VHD_GUID_TEXT];
	const char *type_name = info_part_type(kind, p, type);

	snprintf(label, sizeof(label), "p%" PRIu32, p->number);
	field(label, "0x%" PRIx64 ", %s, %s%s%s%s%s", p->off,
	      size_human(p->len, size), type_name == NULL ? "type " : "",
	      type_name == NULL ? type : type_name,
	      p->name[0] != '\0' ? ", \"" : "", p->name,
	      p->name[0] != '\0' ? "\"" : "");
}

static void print_parts(struct cli *cli, const struct info_view *view)
{
	struct vhd_error err = { .code = VHD_OK };
	struct ptable t;

	if (!info_parts(cli, view, &t, &err) || t.kind == PTABLE_NONE)
		return;
	heading("Partitions");
	field("table", "%s%s%s", t.kind == PTABLE_GPT ? "GPT" : "MBR",
	      t.backup ? ", from its backup copy" : "",
	      t.count == 0 ? ", empty" : "");
	for (size_t i = 0; i < t.count; i++)
		print_part(t.kind, &t.parts[i]);
}

int info_text(struct cli *cli, const struct info_view *view)
{
	uint32_t layers = view->chain ? vhd_layers(view->img) : 1;

	for (uint32_t i = 0; i < layers; i++) {
		int status;

		if (i > 0)
			putchar('\n');
		status = print_layer(cli, view, i);
		if (status != CLI_OK)
			return status;
	}
	print_parts(cli, view);
	if (print_merge(cli, view) != CLI_OK)
		return CLI_FAILED;
	return print_chain(cli, view);
}
