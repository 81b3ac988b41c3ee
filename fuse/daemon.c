/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for_child(pid_t pid, int from)
{
	char ready;
	ssize_t n;
	int status;

	do
		n = read(from, &ready, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			_exit(1);
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int daemon_begin(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		fprintf(stderr, "vhdfuse: %s\n", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid < 0) {
		fprintf(stderr, "vhdfuse: %s\n", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (pid > 0) {
		close(ends[1]);
		wait_for_child(pid, ends[0]);
	}
	close(ends[0]);
	return ends[1];
}

void daemon_ready(int token)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/") != 0)
		return;		/* there is one */
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (write(token, "", 1) < 0)
		errno = 0;	/* nobody waits any more */
	close(token);
}
