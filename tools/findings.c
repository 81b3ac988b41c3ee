/* SPDX-License-Identifier: BSD-2-Clause */
#include "findings.h"

#include <inttypes.h>

#include "common/text.h"

static const char *repair_name(enum vhd_repair repair)
{
	switch (repair) {
	case VHD_REPAIR_NONE:
		return "none";
	case VHD_REPAIR_AUTO:
		return "automatic";
	case VHD_REPAIR_ASK:
		return "with consent";
	}
	return "none";
}

enum color finding_color(enum vhd_severity severity)
{
	switch (severity) {
	case VHD_SEV_INFO:
		return COLOR_DIM;
	case VHD_SEV_WARNING:
		return COLOR_YELLOW;
	case VHD_SEV_ERROR:
	case VHD_SEV_FATAL:
		return COLOR_RED;
	}
	return COLOR_NONE;
}

void finding_print(const struct vhd_finding *f, bool color)
{
	text_put(stdout, f->file);
	printf(": %s%s%s %s %s",
	       color_code(color, finding_color(f->rule->severity)),
	       vhd_severity_name(f->rule->severity),
	       color_code(color, COLOR_NONE), f->rule->id, f->rule->name);
	if (f->off != VHD_NO_OFFSET)
		printf(" at 0x%" PRIx64, f->off);
	fputs(": ", stdout);
	text_put(stdout, f->msg);
	printf("; repair: %s\n", repair_name(f->rule->repair));
}

json_t *finding_object(const struct vhd_finding *f)
{
	json_t *object = json_object();

	json_put(object, "rule", json_rule(f->rule));
	json_put(object, "layer", json_u64(f->layer));
	json_put(object, "file", json_text(f->file));
	json_put(object, "offset", json_u64(f->off));
	json_put(object, "message", json_text(f->msg));
	json_put(object, "repair",
		 json_string(f->rule->repair == VHD_REPAIR_AUTO ? "auto" :
			     f->rule->repair == VHD_REPAIR_ASK ? "ask" :
								 "none"));
	return object;
}

bool findings_sound(const struct vhd_check_result *r)
{
	return r->count[VHD_SEV_ERROR] == 0 && r->count[VHD_SEV_FATAL] == 0;
}

static void print_count(uint64_t count, const char *one, const char *many,
			const char **separator)
{
	if (count == 0)
		return;
	printf("%s%" PRIu64 " %s", *separator, count, count == 1 ? one : many);
	*separator = ", ";
}

void findings_verdict(const struct vhd_check_result *r, bool color)
{
	bool sound = findings_sound(r);
	const char *separator = " (";

	printf("%s%s%s", color_code(color, sound ? COLOR_GREEN : COLOR_RED),
	       sound ? "sound" : "damaged", color_code(color, COLOR_NONE));
	print_count(r->count[VHD_SEV_FATAL], "fatal error", "fatal errors",
		    &separator);
	print_count(r->count[VHD_SEV_ERROR], "error", "errors", &separator);
	print_count(r->count[VHD_SEV_WARNING], "warning", "warnings",
		    &separator);
	print_count(r->count[VHD_SEV_INFO], "note", "notes", &separator);
	fputs(separator[0] == ',' ? ")" : "", stdout);
}

json_t *findings_object(const struct vhd_check_result *r)
{
	json_t *object = json_object();

	json_put(object, "sound", json_boolean(findings_sound(r)));
	json_put(object, "fatal", json_u64(r->count[VHD_SEV_FATAL]));
	json_put(object, "errors", json_u64(r->count[VHD_SEV_ERROR]));
	json_put(object, "warnings", json_u64(r->count[VHD_SEV_WARNING]));
	json_put(object, "infos", json_u64(r->count[VHD_SEV_INFO]));
	json_put(object, "layers", json_u64(r->layers));
	json_put(object, "blocks", json_u64(r->blocks));
	return object;
}
