/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_SUM_H
#define VHD_BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * A sum over the bytes of a disk, by which two copies are compared.
 *
 * Each four bytes, as a number, are multiplied by an odd number of eight that
 * belongs to their place, and all are added up.  So the order in which pieces are
 * summed, and where they were cut, makes no difference, and zeros count nothing:
 * holes need not be looked at.  One change of four bytes is always told, and two
 * that have the same cause, such as a bit that is stuck, even in the highest bit.
 * It tells accidents; it is no defence against people.
 */
uint64_t vhd_sum(const void *buf, size_t len, uint64_t off);

#endif
