/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_SHA256_H
#define TESTS_SUPPORT_VHDX_SHA256_H

#include <stddef.h>

/* SHA-256 as 64 hexadecimal digits: to compare whole images. */
void vhdx_sha256(const void *buf, size_t len, char hex[65]);

#endif
