/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs one command and says what it cost.
 *
 *	timed [-o FILE] [-s FILE] COMMAND [ARGUMENT]...
 *
 * Prints one line: exit status, wall microseconds, user and system
 * microseconds, peak KiB.  A program of its own, because a child of a large
 * parent begins with the parent's peak of memory, and because an interpreter
 * needs longer to start a child than some of the children run.
 *
 * -o FILE: the command's standard output goes there, else nowhere.
 * -s FILE: afterwards FILE is brought to the disk (fsync), which counts: the wall
 * time as well as the processor time that the call takes.
 *
 * What the kernel's own threads do for the command, such as writing back what it
 * wrote, is in no process's processor time and in nobody's figures.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long micros(struct timeval t)
{
	return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int fail(const char *what, int why)
{
	fprintf(stderr, "timed: %s: %s\n", what, strerror(why));
	return 1;
}

static int start(pid_t *pid, char **argv, const char *out)
{
	posix_spawn_file_actions_t files;
	int err;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 1, out,
					 O_WRONLY | O_CREAT | O_TRUNC, 0666);
	err = posix_spawnp(pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static int settle(const char *path)
{
	int fd = open(path, O_RDONLY);
	int err = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static int measure(char **argv, const char *out, const char *sync)
{
	struct rusage before, after, child;
	long long begin = now();
	int err, status;
	pid_t pid;

	getrusage(RUSAGE_SELF, &before);
	err = start(&pid, argv, out);
	if (err != 0)
		return fail(argv[0], err);
	while (wait4(pid, &status, 0, &child) < 0) {
		if (errno != EINTR)
			return fail("wait4", errno);
	}
	err = sync != NULL && status == 0 ? settle(sync) : 0;
	if (err != 0)
		return fail(sync, err);
	begin = now() - begin;
	getrusage(RUSAGE_SELF, &after);
	printf("%d %lld %lld %lld %ld\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	       begin,
	       micros(child.ru_utime) + micros(after.ru_utime) -
		       micros(before.ru_utime),
	       micros(child.ru_stime) + micros(after.ru_stime) -
		       micros(before.ru_stime),
	       child.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	const char *out = "/dev/null", *sync = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "+o:s:")) != -1) {
		if (opt == 'o')
			out = optarg;
		else if (opt == 's')
			sync = optarg;
		else
			return 2;
	}
	if (optind == argc) {
		fputs("Usage: timed [-o FILE] [-s FILE] COMMAND "
		      "[ARGUMENT]...\n", stderr);
		return 2;
	}
	return measure(argv + optind, out, sync);
}
