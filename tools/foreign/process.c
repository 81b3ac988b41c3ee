/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the program says goes to a file without a name, so that nobody has to
 * read it meanwhile.  That exec failed comes through a pipe which a good exec
 * closes.
 */
#include "foreign/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"
#include "sigint.h"

enum { FIRST_FD = 10, LISTEN_FD = 3, PID_DIGITS = 10 };

extern char **environ;

int process_fd(int fd)
{
	int high;

	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	close(fd);
	return high;
}

/* "LISTEN_PID=" needs a number that only the child knows: in place, because
 * nothing may be allocated there. */
static void put_pid(char *digits)
{
	long pid = getpid();

	for (int i = PID_DIGITS - 1; i >= 0; i--) {
		digits[i] = (char)('0' + pid % 10);
		pid /= 10;
	}
}

static size_t count_env(const char *const *env)
{
	size_t n = 0;

	while (env != NULL && env[n] != NULL)
		n++;
	return n;
}

/* Has @env the name of "NAME=VALUE"?  Of two of a name some programs take the
 * first and some the last. */
static bool has_name(char *const *env, const char *entry)
{
	size_t len = strcspn(entry, "=") + 1;

	for (size_t i = 0; env[i] != NULL; i++) {
		if (strncmp(env[i], entry, len) == 0)
			return true;
	}
	return false;
}

/* The environment, what is added to it, and what tells of a socket that is handed
 * over. */
static char **make_env(char *pid_text, const struct process_how *how)
{
	static const char fds[] = "LISTEN_FDS=1";
	size_t n = count_env((const char *const *)environ), used = 0;
	size_t more = count_env(how->env);
	char **env = calloc(n + more + 3, sizeof(*env));

	if (env == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(environ[i], "LISTEN_", 7) != 0)
			env[used++] = environ[i];
	}
	for (size_t i = 0; i < more; i++) {
		if (!has_name(environ, how->env[i]))
			env[used++] = (char *)(uintptr_t)how->env[i];
	}
	if (how->listen >= 0) {
		env[used++] = (char *)(uintptr_t)fds;
		env[used++] = pid_text;
	}
	return env;
}

static bool keep(const struct process_how *how)
{
	for (size_t i = 0; i < how->fd_count; i++) {
		if (fcntl(how->fds[i], F_SETFD, 0) != 0)
			return false;
	}
	if (how->listen < 0)
		return true;
	/* To itself, dup2() does nothing. */
	if (how->listen == LISTEN_FD)
		return fcntl(LISTEN_FD, F_SETFD, 0) == 0;
	return dup2(how->listen, LISTEN_FD) == LISTEN_FD;
}

static bool speak_to(const struct process_how *how, int words)
{
	/* High: it may have been opened as one of the three. */
	int null = process_fd(open("/dev/null", O_RDWR | O_CLOEXEC));

	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	       dup2(how->out > 0 ? how->out : null, STDOUT_FILENO) >= 0 &&
	       dup2(how->mute ? null : words, STDERR_FILENO) >= 0;
}

struct birth {
	const struct process_how *how;
	char **env;
	char *pid_digits;
	int words;
	int report;		/* errno of a failure goes here */
	pid_t parent;
};

/* In the child, until it is another program. */
static void become(const struct birth *b)
{
	int errnum;

	/* Killed before this took effect, the parent is another one now. */
	if (setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
	    getppid() == b->parent && speak_to(b->how, b->words) && keep(b->how) &&
	    (b->how->dir == NULL || chdir(b->how->dir) == 0)) {
		put_pid(b->pid_digits);
		environ = b->env;
		execvp(b->how->argv[0],
		       (char *const *)(uintptr_t)b->how->argv);
	}
	errnum = errno;
	(void)!write(b->report, &errnum, sizeof(errnum));
	_exit(127);
}

/* Its own number is not needed below the standard ones. */
static int high_memfd(void)
{
	return process_fd(memfd_create("words", MFD_CLOEXEC));
}

static int not_started(const struct process_how *how, int errnum,
		       struct vhd_error *err)
{
	if (errnum == ENOENT || errnum == EACCES)
		return fail(err, VHD_E_UNSUPPORTED, NULL, 0, "%s is needed for "
			    "this and was not found: install qemu-utils (on "
			    "Fedora: qemu-img)", how->argv[0]);
	return fail(err, VHD_E_IO, NULL, errnum, "%s cannot be started: %s",
		    how->argv[0], strerror(errnum));
}

static int give_birth(struct birth *b, struct process *p,
		      struct vhd_error *err)
{
	int report[2], errnum = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC) != 0)
		return not_started(b->how, errno, err);
	report[1] = process_fd(report[1]);
	b->report = report[1];
	b->parent = getpid();
	p->pid = fork();
	if (p->pid == 0)
		become(b);
	errnum = p->pid < 0 ? errno : 0;
	close(report[1]);
	if (p->pid > 0) {
		do {
			n = read(report[0], &errnum, sizeof(errnum));
		} while (n < 0 && errno == EINTR);
	}
	close(report[0]);
	if (errnum == 0)
		return 0;
	process_free(p);
	return not_started(b->how, errnum, err);
}

int process_start(const struct process_how *how, struct process *p,
		  struct vhd_error *err)
{
	char pid_text[] = "LISTEN_PID=0000000000";
	struct birth b = {
		.how = how,
		.pid_digits = strchr(pid_text, '=') + 1,
		.env = make_env(pid_text, how),
	};
	int rc;

	p->pid = -1;
	p->words = high_memfd();
	b.words = p->words;
	if (b.env == NULL || p->words < 0) {
		process_free(p);
		rc = fail_nomem(err);
	} else {
		rc = give_birth(&b, p, err);
	}
	free(b.env);
	return rc;
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int process_wait(struct process *p)
{
	int status = 0;

	if (p->pid <= 0)
		return 0;
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
		if (sigint_seen())
			process_kill(p);
	}
	p->pid = -1;
	return status_of(status);
}

bool process_ends(struct process *p, int ms)
{
	siginfo_t info = { .si_pid = 0 };

	if (p->pid <= 0)
		return true;
	for (int waited = 0;; waited += 5) {
		if (waitid(P_PID, (id_t)p->pid, &info,
			   WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid != 0)
			return true;
		if (waited >= ms)
			return false;
		poll(NULL, 0, 5);
	}
}

bool process_has(const struct process *p, const struct stat *file)
{
	char name[32];
	const struct dirent *entry;
	bool found = false;
	struct stat st;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%d/fd", (int)p->pid);
	dir = p->pid > 0 ? opendir(name) : NULL;
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			st.st_dev == file->st_dev && st.st_ino == file->st_ino;
	if (dir != NULL)
		closedir(dir);
	return found;
}

void process_kill(struct process *p)
{
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

/*
 * "qemu-nbd: Failed to blk_new_open 'json:{...}': Image is corrupt": what was
 * quoted is ours and long.
 */
static const char *gist(const char *line)
{
	const char *colon = strstr(line, ": "), *quote;

	if (colon != NULL && strncmp(line, "qemu-", 5) == 0)
		line = colon + 2;
	while (strstr(line, "'json:") != NULL &&
	       (quote = strstr(line, "': ")) != NULL)
		line = quote + 3;
	return line;
}

const char *process_said(const struct process *p, char text[PROCESS_WORDS])
{
	char tail[PROCESS_WORDS * 8], *line;
	off_t end = lseek(p->words, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(tail) - 1 ?
			     end - ((off_t)sizeof(tail) - 1) : 0;
	ssize_t n = pread(p->words, tail, sizeof(tail) - 1, from);

	text[0] = '\0';
	if (n <= 0)
		return text;
	while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == '\0'))
		n--;
	tail[n] = '\0';
	line = strrchr(tail, '\n');
	snprintf(text, PROCESS_WORDS, "%.*s", PROCESS_WORDS - 1,
		 gist(line != NULL ? line + 1 : tail));
	return text;
}

void process_free(struct process *p)
{
	if (p->pid > 0) {
		process_kill(p);
		process_wait(p);
	}
	if (p->words >= 0)
		close(p->words);
	p->words = -1;
}
