/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_PROCESS_H
#define VHD_TOOLS_FOREIGN_PROCESS_H

/*
 * A program that works for us.  No shell is involved; it ends when we do, even
 * when we are killed, and ^C in a terminal does not reach it.
 */

#include <sys/stat.h>
#include <sys/types.h>

#include <vhd/vhd.h>

/**
 * struct process_how - what to start
 *
 * @argv:   name first, searched in $PATH; NULL at the end
 * @fds:    it gets these, under the same numbers; none below 10
 * @env:    more for its environment, NAME=VALUE, NULL at the end; where the caller's
 *          has the name that one counts; NULL: nothing
 * @listen: a listening socket that it gets as systemd would hand it over; -1:
 *          none
 * @dir:    where it runs; NULL: here
 * @out:    its standard output; 0: nowhere
 * @mute:   what it says is not kept
 */
struct process_how {
	const char *const *argv;
	const int *fds;
	size_t fd_count;
	const char *const *env;
	int listen;
	const char *dir;
	int out;
	bool mute;
};

struct process {
	pid_t pid;
	int words;		/* what it says, a file without a name */
};

#define PROCESS_NONE { .pid = -1, .words = -1 }

enum { PROCESS_WORDS = 400 };

/* process_fd - @fd, closed here, under a number that a process can be given, or
 * -1 */
int process_fd(int fd);

/* Returns: 0, VHD_E_UNSUPPORTED when there is no such program, VHD_E_IO. */
int process_start(const struct process_how *how, struct process *p,
		  struct vhd_error *err);

/*
 * process_wait - wait for the end; ^C kills it
 *
 * Returns: its exit status, or minus the signal that ended it.
 */
int process_wait(struct process *p);

/* Has it ended within @ms? */
bool process_ends(struct process *p, int ms);

/* Has it this file open? */
bool process_has(const struct process *p, const struct stat *file);

void process_kill(struct process *p);

/* The last line that it said, without its name and what it quotes; may be
 * empty.  Lives in @text. */
const char *process_said(const struct process *p, char text[PROCESS_WORDS]);

/* Kills and waits, if it is still there. */
void process_free(struct process *p);

#endif
