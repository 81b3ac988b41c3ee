/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd/types.h"

const char *vhd_version_string(void)
{
	return VHD_VERSION_STRING;
}

const char *vhd_format_name(enum vhd_format format)
{
	switch (format) {
	case VHD_FORMAT_RAW:
		return "raw";
	case VHD_FORMAT_VHD:
		return "vhd";
	case VHD_FORMAT_VHDX:
		return "vhdx";
	case VHD_FORMAT_AUTO:
		break;
	}
	return "unknown";
}

const char *vhd_type_name(enum vhd_type type)
{
	switch (type) {
	case VHD_TYPE_DEFAULT:
		return "default";
	case VHD_TYPE_FIXED:
		return "fixed";
	case VHD_TYPE_DYNAMIC:
		return "dynamic";
	case VHD_TYPE_DIFF:
		return "differencing";
	}
	return "unknown";
}
