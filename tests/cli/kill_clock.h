/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KILL_CLOCK_H
#define KILL_CLOCK_H

/*
 * Time as the library has it.  A disk that takes seconds for a flush, and a
 * machine that does something else meanwhile, are no fault of the library: a
 * tick is ten milliseconds in which none of its calls waited for either.
 */

enum { TICKS_PER_SECOND = 100 };

/*
 * Sleeps until the next tick.  To be called by one thread; calls that change a
 * file are watched in all of them.
 */
void clock_tick(void);

#endif
