/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>

bool classic_test_hook(void *arg, const char *stage)
{
	char name[64];

	(void)arg;
	snprintf(name, sizeof(name), "VHD_UTIL_TEST_FAIL_%s", stage);
	if (!getenv(name))
		return true;
	printf("Failing at %s\n", name);
	return false;
}
