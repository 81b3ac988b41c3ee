/* SPDX-License-Identifier: BSD-2-Clause */
#include "kill_clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/syscall.h>

enum { THREADS_WATCHED = 16 };

/* Tick in which the call that a thread is in has begun; 0: it is in none. */
static _Atomic unsigned call_since[THREADS_WATCHED];
static _Atomic unsigned threads_seen;
static _Atomic unsigned tick = 1;

static bool held_up(unsigned now)
{
	for (unsigned i = 0; i < THREADS_WATCHED; i++) {
		unsigned since = atomic_load(&call_since[i]);

		if (since != 0 && since != now)
			return true;
	}
	return false;
}

void clock_tick(void)
{
	bool held;

	do {
		usleep(1000000 / TICKS_PER_SECOND);
		held = held_up(atomic_load(&tick));
		atomic_fetch_add(&tick, 1);
	} while (held);
}

/*
 * The library finds these instead of those of libc, as the dynamic linker looks
 * into the program first.  Where a register cannot hold an offset the system
 * calls are others, and no call is watched.
 */
#ifdef __LP64__

static _Atomic unsigned *this_thread(void)
{
	static _Thread_local unsigned number;

	if (number == 0)
		number = atomic_fetch_add(&threads_seen, 1) + 1;
	if (number > THREADS_WATCHED)
		abort();
	return &call_since[number - 1];
}

static long watched(long call, int fd, long a, long b, long c)
{
	_Atomic unsigned *since = this_thread();
	long rc;

	atomic_store(since, atomic_load(&tick));
	rc = syscall(call, fd, a, b, c);
	atomic_store(since, 0);
	return rc;
}

#pragma GCC visibility push(default)

ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	return watched(SYS_pwrite64, fd, (long)buf, (long)len, off);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	return (int)watched(SYS_fallocate, fd, mode, off, len);
}

int ftruncate(int fd, off_t size)
{
	return (int)watched(SYS_ftruncate, fd, size, 0, 0);
}

int fdatasync(int fd)
{
	return (int)watched(SYS_fdatasync, fd, 0, 0, 0);
}

int fsync(int fd)
{
	return (int)watched(SYS_fsync, fd, 0, 0, 0);
}

#pragma GCC visibility pop
#endif
