/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_CRC32C_H
#define VHD_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (VHDX-GEN-03).  @crc is 0 at first and the last result when a buffer
 * comes in pieces.
 */
uint32_t vhd_crc32c(uint32_t crc, const void *buf, size_t len);

/* The portable version, for tests and benchmarks. */
uint32_t vhd_crc32c_table(uint32_t crc, const void *buf, size_t len);

#endif
