/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_FS_H
#define TESTS_FUZZ_FUZZ_FS_H

/*
 * What the drivers of the file system readers share.  Their input is a list of
 * pieces (fuzz_input.h), which is the volume; FUZZ_INPUT_RESEAL means that every
 * checksum counts as right, so that the fuzzer need not guess one.
 */

#include "common/fs/fs_priv.h"

/* Reads the volume with one reader, twice, as fs_unused() does. */
int fuzz_fs_volume(fs_scan_fn scan, const uint8_t *data, size_t len);

/* The whole disk: tables, signatures and all readers. */
int fuzz_fs_disk(const uint8_t *data, size_t len);

#endif
