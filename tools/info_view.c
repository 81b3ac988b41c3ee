/* SPDX-License-Identifier: BSD-2-Clause */
/* What both forms of `info` share: names, times, counts. */
#include "info.h"

#include <time.h>

#include "errors.h"

const char *info_time(int64_t seconds, char text[INFO_TIME_TEXT])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, INFO_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, INFO_TIME_TEXT, "out of range");
	return text;
}

const char *info_copies(uint32_t copies)
{
	switch (copies & (VHD_COPY_FIRST | VHD_COPY_SECOND)) {
	case VHD_COPY_FIRST:
		return "first";
	case VHD_COPY_SECOND:
		return "second";
	case VHD_COPY_FIRST | VHD_COPY_SECOND:
		return "both";
	default:
		return "none";
	}
}

const char *info_log_name(enum vhd_log_state log)
{
	switch (log) {
	case VHD_LOG_NONE:
		return "none";
	case VHD_LOG_CLEAN:
		return "clean";
	case VHD_LOG_REPLAYED:
		return "replayed";
	}
	return "none";
}

const char *info_locator_name(enum vhd_locator_kind kind)
{
	switch (kind) {
	case VHD_LOCATOR_RELATIVE:
		return "relative";
	case VHD_LOCATOR_ABSOLUTE:
		return "absolute";
	case VHD_LOCATOR_VOLUME:
		return "volume";
	case VHD_LOCATOR_NAME:
		return "name";
	}
	return "name";
}

void info_usage(struct cli *cli, const struct info_view *view, uint32_t layer,
		struct vhd_usage *usage_out)
{
	struct vhd_error err = { .code = VHD_OK };

	if (vhd_layer_usage(view->img, layer, view->bat_budget, usage_out,
			    &err) == 0)
		return;
	usage_out->complete = false;
	cli_warn(cli, vhd_layer_path(view->img, layer), "%s", err.msg);
	error_hint(cli, &err, view->path);
}
