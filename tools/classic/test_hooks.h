/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_TEST_HOOKS_H
#define VHD_TOOLS_CLASSIC_TEST_HOOKS_H

/*
 * Places where a test can make a verb end as if the power had failed: it sets
 * VHD_UTIL_TEST_FAIL_ and the name of the place, to anything.
 */

#include <stdbool.h>

/*
 * classic_test_hook - a vhd_xen_step_fn; @stage is "RESIZE_BEGIN", ...
 *
 * False when the verb is to end here, with status 22 and nothing tidied up; that
 * it fails is on standard output then.  @arg is not used.
 */
bool classic_test_hook(void *arg, const char *stage);

#endif
