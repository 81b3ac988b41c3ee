/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/check_main.h"
#include "vhd/types.h"

#include <stdio.h>

START_TEST(names__version_is_that_of_the_headers)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", VHD_VERSION_MAJOR,
		 VHD_VERSION_MINOR, VHD_VERSION_PATCH);
	ck_assert_str_eq(vhd_version_string(), text);
	ck_assert_str_eq(VHD_VERSION_STRING, text);
}
END_TEST

START_TEST(names__formats_have_names)
{
	ck_assert_str_eq(vhd_format_name(VHD_FORMAT_RAW), "raw");
	ck_assert_str_eq(vhd_format_name(VHD_FORMAT_VHD), "vhd");
	ck_assert_str_eq(vhd_format_name(VHD_FORMAT_VHDX), "vhdx");
	ck_assert_str_eq(vhd_format_name(VHD_FORMAT_AUTO), "unknown");
}
END_TEST

START_TEST(names__types_have_names)
{
	ck_assert_str_eq(vhd_type_name(VHD_TYPE_DEFAULT), "default");
	ck_assert_str_eq(vhd_type_name(VHD_TYPE_FIXED), "fixed");
	ck_assert_str_eq(vhd_type_name(VHD_TYPE_DYNAMIC), "dynamic");
	ck_assert_str_eq(vhd_type_name(VHD_TYPE_DIFF), "differencing");
	ck_assert_str_eq(vhd_type_name((enum vhd_type)1), "unknown");
}
END_TEST

TEST_MAIN("base/names", names__version_is_that_of_the_headers,
	  names__formats_have_names, names__types_have_names)
