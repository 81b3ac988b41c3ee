/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded into nbdkit together with the address sanitizer, which upsets the lock
 * that the C library keeps for locales: once strerror() was called, a library of
 * nbdkit's (p11-kit) waits for ever when it frees its locale as the process
 * ends.  Any plugin of nbdkit shows it.
 */
#include <locale.h>

__attribute__((visibility("default"))) void freelocale(locale_t locale)
{
	(void)locale;
}
