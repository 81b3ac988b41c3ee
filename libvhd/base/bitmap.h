/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_BITMAP_H
#define VHD_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bits in bytes, in both orders: VHD counts from the most significant bit
 * (VHD-S-2), VHDX from the least (VHDX-SB-01).
 */
enum vhd_bit_order { VHD_MSB_FIRST, VHD_LSB_FIRST };

bool vhd_bit_get(const uint8_t *map, uint64_t bit, enum vhd_bit_order order);
void vhd_bit_set(uint8_t *map, uint64_t bit, enum vhd_bit_order order);
void vhd_bit_clear(uint8_t *map, uint64_t bit, enum vhd_bit_order order);

/*
 * Length of the run of bits equal to bit @from, which starts there and ends
 * before @limit.  @from < @limit.
 */
uint64_t vhd_bit_run(const uint8_t *map, uint64_t from, uint64_t limit,
		     enum vhd_bit_order order);

#endif
