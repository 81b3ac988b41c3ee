/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/target.h"

#include <check.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"

START_TEST(target__azure_is_a_fixed_vhd_of_whole_mib)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	o.target = VHD_TARGET_AZURE;
	ck_assert_int_eq(vhd_target_apply(&o, NULL), 0);
	ck_assert_int_eq(o.format, VHD_FORMAT_VHD);
	ck_assert_int_eq(o.type, VHD_TYPE_FIXED);
	ck_assert_uint_eq(vhd_target_round(o.target, 21 * MiB + 1), 22 * MiB);
	ck_assert_uint_eq(vhd_target_round(o.target, 23 * MiB), 23 * MiB);
}
END_TEST

/* VHD-A-10 */
START_TEST(target__azure_has_a_smallest_and_a_largest_disk)
{
	enum vhd_target azure = VHD_TARGET_AZURE;
	struct vhd_error err;

	ck_assert_uint_eq(vhd_target_round(azure, MiB), 20 * MiB);
	ck_assert_int_eq(vhd_target_size(azure, 32 * TiB, &err), 0);
	ck_assert_int_eq(vhd_target_size(azure, 32 * TiB + MiB, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_target_size(VHD_TARGET_HYPERV, 64 * TiB, &err), 0);
}
END_TEST

START_TEST(target__contradictions_are_named)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.target = VHD_TARGET_AZURE;
	o.format = VHD_FORMAT_VHDX;
	ck_assert_int_eq(vhd_target_apply(&o, &err), VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "azure needs format vhd, not vhdx");
	o.format = VHD_FORMAT_AUTO;
	o.type = VHD_TYPE_DYNAMIC;
	ck_assert_int_eq(vhd_target_apply(&o, &err), VHD_E_INVAL);
	ck_assert_str_eq(err.msg, "azure needs type fixed, not dynamic");
}
END_TEST

START_TEST(target__hyperv_leaves_format_and_type_but_no_holes)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	o.target = VHD_TARGET_HYPERV;
	o.format = VHD_FORMAT_VHD;
	ck_assert_int_eq(vhd_target_apply(&o, NULL), 0);
	ck_assert_int_eq(o.format, VHD_FORMAT_VHD);
	ck_assert(o.flags & VHD_CREATE_PREALLOCATE);
}
END_TEST

START_TEST(target__wsl_has_small_blocks)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;

	o.target = VHD_TARGET_WSL;
	ck_assert_int_eq(vhd_target_apply(&o, NULL), 0);
	ck_assert_uint_eq(o.block_size, MiB);
	ck_assert_int_eq(o.type, VHD_TYPE_DYNAMIC);
}
END_TEST

START_TEST(target__qemu_is_a_dynamic_vhdx_of_small_sectors)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.target = VHD_TARGET_QEMU;
	ck_assert_int_eq(vhd_target_apply(&o, NULL), 0);
	ck_assert_int_eq(o.format, VHD_FORMAT_VHDX);
	ck_assert_int_eq(o.type, VHD_TYPE_DYNAMIC);
	ck_assert_int_eq(vhd_target_sector(o.target, 512, NULL), 0);
	ck_assert_int_eq(vhd_target_sector(o.target, 4096, &err),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_target_sector(VHD_TARGET_HYPERV, 4096, NULL), 0);
}
END_TEST

START_TEST(target__xen_steps_over_the_batmap_defect)
{
	enum vhd_target xen = VHD_TARGET_XEN;

	ck_assert_uint_eq(vhd_target_round(xen, 3 * MiB), 4 * MiB);
	ck_assert_uint_eq(vhd_target_round(xen, 8 * GiB), 8 * GiB);
	/* 4097 blocks: VHD-X-7 */
	ck_assert_uint_eq(vhd_target_round(xen, 8 * GiB + 2 * MiB),
			  8 * GiB + 16 * MiB);
	ck_assert_uint_eq(vhd_target_round(xen, 8 * GiB + 18 * MiB),
			  8 * GiB + 18 * MiB);
}
END_TEST

TEST_MAIN("ops/target", target__azure_is_a_fixed_vhd_of_whole_mib,
	  target__azure_has_a_smallest_and_a_largest_disk,
	  target__contradictions_are_named,
	  target__hyperv_leaves_format_and_type_but_no_holes,
	  target__wsl_has_small_blocks,
	  target__qemu_is_a_dynamic_vhdx_of_small_sectors,
	  target__xen_steps_over_the_batmap_defect)
