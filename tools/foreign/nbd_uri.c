/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/nbd_uri.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

bool nbd_uri_is(const char *name)
{
	static const char *const schemes[] = {
		"nbd://", "nbds://", "nbd+unix://", "nbds+unix://",
		"nbd+vsock://", "nbds+vsock://"
	};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncasecmp(name, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return false;
}
