/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "classic/lvm.h"

extern char **environ;

static int spawn(const char *const *argv, int out, pid_t *pid_out)
{
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!rc)
		rc = posix_spawnp(pid_out, argv[0], &actions, NULL,
				  (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int read_lines(int fd, lvm_line_fn fn, void *arg)
{
	FILE *file = fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	if (file == NULL) {
		close(fd);
		return ENOMEM;
	}
	/* To its end in any case, so that the program can finish. */
	while (getline(&line, &room, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!rc && !fn(arg, line))
			rc = ENOMEM;
	}
	if (ferror(file))
		rc = EINVAL;
	free(line);
	fclose(file);
	return rc;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return EINVAL;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EINVAL;
}

int lvm_run(const char *const *argv, lvm_line_fn fn, void *arg)
{
	int ends[2], rc, waited;
	pid_t pid;

	/* Ignored by who started us, it would keep the status from us. */
	signal(SIGCHLD, SIG_DFL);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	rc = spawn(argv, ends[1], &pid);
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		return rc;
	}
	rc = read_lines(ends[0], fn, arg);
	waited = wait_for(pid);
	return rc ? rc : waited;
}
