/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answer that tests replace.  It has a file of its own, so that no compiler
 * inlines it into its callers.
 */
#include "base/alloc.h"

__attribute__((weak)) bool vhd_alloc_allowed(size_t len)
{
	(void)len;
	return true;
}
