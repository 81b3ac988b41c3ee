/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_BARRIER_H
#define VHD_BASE_BARRIER_H

/*
 * The steps without which a power cut would break a promise, by name.  Code
 * asks vhd_barrier() before it takes one: in the library the answer is a
 * constant yes.  A build with VHD_MUTANTS can leave out one of them at a time,
 * and the crash tests have to notice (tests/crash).
 */

#include <stdbool.h>

enum vhd_barrier {
	VHD_BARRIER_NONE = 0,
	/* Any format: guest data is durable before what makes it reachable. */
	VHD_BARRIER_DATA_BEFORE_MAP,
	/* Any format: a guest's flush ends with its metadata durable. */
	VHD_BARRIER_FLUSH_METADATA,
	/* Any format: freed space waits until its release is durable. */
	VHD_BARRIER_RELEASE_BEFORE_REUSE,
	/* Any format: space with a past reads as zeros before it is mapped. */
	VHD_BARRIER_ZERO_BEFORE_REUSE,
	/* VHDX: a log entry is durable before its pages go in place. */
	VHD_BARRIER_LOG_BEFORE_APPLY,
	/* VHDX: pages are durable in place before their log is abandoned. */
	VHD_BARRIER_APPLY_BEFORE_NEW_LOG,
	/* VHDX: the first entry of a log is durable before a header names it. */
	VHD_BARRIER_LOG_BEFORE_HEADER,
	/* VHDX: pages are durable in place before the log is closed. */
	VHD_BARRIER_APPLY_BEFORE_CLEAN,
	/* VHDX: replayed pages are durable before the log is cleared. */
	VHD_BARRIER_REPLAY_BEFORE_CLEAN,
	/* VHDX: the log is closed durably before the file is cut. */
	VHD_BARRIER_CLEAN_BEFORE_CUT,
	/* VHDX: one header is durable before the other one is written. */
	VHD_BARRIER_HEADER_BEFORE_COPY,
	/* VHDX: bits of an earlier life are wiped when a block becomes partial. */
	VHD_BARRIER_WIPE_STALE_BITS,
	/* VHD: the new footer is durable before the old one is overwritten. */
	VHD_BARRIER_FOOTER_BEFORE_GROWTH,
	/* VHD: the tight footer is durable before the file is cut. */
	VHD_BARRIER_FOOTER_BEFORE_CUT,
	VHD_BARRIER_COUNT
};

#ifdef VHD_MUTANTS
/* The step to leave out; set by the test before it opens an image. */
extern enum vhd_barrier vhd_mutant;
static inline bool vhd_barrier(enum vhd_barrier b)
{
	return b != vhd_mutant;
}
#else
static inline bool vhd_barrier(enum vhd_barrier b)
{
	(void)b;
	return true;
}
#endif

#endif
