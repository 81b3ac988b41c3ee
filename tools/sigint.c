/* SPDX-License-Identifier: BSD-2-Clause */
#include "sigint.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

/*
 * The one mutable global: a signal handler has no other way to speak.  0, or
 * when the first signal came, in seconds.
 */
static volatile sig_atomic_t seen;

/*
 * timeout(1) signals its child and then the child's group: what comes with the
 * first signal is the same wish, and only a later one is impatience.
 */
static void on_signal(int sig)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seen == 0) {
		seen = (sig_atomic_t)now.tv_sec + 1;
	} else if (now.tv_sec > seen) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static void catch_one(int sig)
{
	struct sigaction act, old;

	if (sigaction(sig, NULL, &old) != 0 || old.sa_handler == SIG_IGN)
		return;
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	sigemptyset(&act.sa_mask);
	sigaction(sig, &act, NULL);
}

void sigint_catch(void)
{
	catch_one(SIGINT);
	catch_one(SIGTERM);
	/* The terminal was closed; without nohup that cancels too. */
	catch_one(SIGHUP);
}

bool sigint_seen(void)
{
	return seen != 0;
}
