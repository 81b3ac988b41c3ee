/* SPDX-License-Identifier: BSD-2-Clause */
#include "sigint.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

/* The one mutable global: a signal handler has no other way to speak. */
static volatile sig_atomic_t seen;

static void on_signal(int sig)
{
	(void)sig;
	seen = 1;
}

static void catch_one(int sig)
{
	struct sigaction act, old;

	if (sigaction(sig, NULL, &old) != 0 || old.sa_handler == SIG_IGN)
		return;
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_signal;
	act.sa_flags = (int)SA_RESETHAND;
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
