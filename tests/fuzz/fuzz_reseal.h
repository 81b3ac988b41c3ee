/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_RESEAL_H
#define TESTS_FUZZ_FUZZ_RESEAL_H

#include "fuzz/fuzz_file.h"

/*
 * Fresh checksums for whatever in the file looks as if it had one, so that a
 * damage is not seen by its checksum alone: footer, footer copy, dynamic header
 * and batmap of a VHD; headers, region tables and log entries of a VHDX.
 */
void fuzz_reseal(struct fuzz_file *f);

/* The two checksums, of @len bytes in memory. */
void fuzz_seal_sum(uint8_t *buf, size_t len, size_t field_off);
void fuzz_seal_crc(uint8_t *buf, size_t len, size_t field_off);

#endif
