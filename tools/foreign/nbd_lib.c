/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/nbd_lib.h"

#include <dlfcn.h>
#include <string.h>

#include "fail.h"

#define NAME "libnbd.so.0"

/* ISO C has no cast between objects and functions; POSIX says they are alike. */
static bool find(void *so, const char *name, void *function)
{
	void *symbol = dlsym(so, name);

	memcpy(function, &symbol, sizeof(symbol));
	return symbol != NULL;
}

int nbd_lib_load(struct nbd_lib *lib, struct vhd_error *err)
{
	/* Its threads' data outlives what could be unloaded. */
	void *so = dlopen(NAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool found = so != NULL;

#define FIND(name) found = found && find(so, "nbd_" #name, &lib->name);
	NBD_LIB_FUNCTIONS(FIND)
#undef FIND
	if (found)
		return 0;
	return fail(err, VHD_E_UNSUPPORTED, NULL, 0, "%s is needed for this "
		    "and was not found: install libnbd0 (on Fedora: libnbd)",
		    NAME);
}
