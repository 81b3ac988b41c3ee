/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_ENGINE_RESHAPE_H
#define VHD_ENGINE_RESHAPE_H

/*
 * Changes of an image beyond what a guest can do: its size, its identity, what
 * its headers say, where its blocks lie.
 *
 * All of this works on an engine that was opened for writing and that nobody
 * else uses while the call runs: no reader, no ticket, no other commit.  Bytes
 * written before are kept.  Wherever the power fails, the file opens, a check
 * finds no error, and the guest's bytes are as before or as after; the same call
 * on what is left finishes the work.
 *
 * After resize() and set(), whether they succeeded or not, only shut() and
 * close() may be called.
 */

#include "vhd/change.h"

struct vhd_engine_resize {
	uint64_t size;		/* the new size; checked against the format */
	/*
	 * Bytes of the disk below: a part of the grown disk that the parent
	 * could be seen in has to read as zeros.  0: no parent.
	 */
	uint64_t below;
	vhd_progress_fn progress;	/* may be NULL; may cancel */
	void *progress_arg;
};

#endif
