/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KILL_CHILD_H
#define KILL_CHILD_H

#include "kill_load.h"

/* What a writer says through its pipe, each in one write(). */
enum word {
	WORD_OPENED = 1,	/* the image is open */
	WORD_DONE,		/* operation @n[thread] returned success */
	WORD_FLUSHED,		/* all up to @n[] are durable */
	WORD_TICK,		/* of kill_clock.h */
	WORD_FAILED		/* something returned an error; see stderr */
};

struct report {
	uint32_t word;
	uint32_t thread;
	uint64_t n[THREADS_MAX];
};

/*
 * Opens @path for writing, with a thread of the library, and writes until it is
 * killed.  @flush_ms: a flush so often; 0: never.  Does not return.
 */
_Noreturn void kill_child(const char *path, const struct load *load,
			  uint32_t flush_ms, int pipe_fd);

/*
 * Opens @path without a thread, makes @ops operations with a flush each
 * @flush_every, one more in the end, and exits without closing.
 */
_Noreturn void dirty_child(const char *path, const struct load *load,
			   uint64_t ops, uint64_t flush_every);

#endif
