/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_ZERO_H
#define VHD_BASE_ZERO_H

#include <stdbool.h>
#include <stddef.h>

/* True when all @len bytes are zero; true for none. */
bool vhd_is_zero(const void *buf, size_t len);

/* The portable version, for tests and benchmarks. */
bool vhd_is_zero_portable(const void *buf, size_t len);

#endif
