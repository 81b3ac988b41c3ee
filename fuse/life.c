/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From mounted to unmounted, on the program's first thread, which serves no
 * requests itself: it waits for signals, and does what a thread that serves may
 * not do, because the kernel could need that very thread to get it done.
 *
 * libfuse's own signal handler ends the session at once and loses what the
 * kernel has not written back yet; hence this one.
 */
#include "life.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "loop.h"
#include "mountpoint.h"
#include "notify.h"
#include "prime.h"

/* Pause after which changes of pages and tables are looked at. */
#define SETTLE_MS 100

struct life {
	struct fs *fs;
	const char *mountpoint;
	struct loop *loop;
	int signals;
	int done;
	int64_t asked_at;	/* second of the last signal, 0: none */
	bool over;
};

static sigset_t our_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

void life_block_signals(void)
{
	sigset_t set = our_signals();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* A full file system or a limit is an error of a write, no more. */
	signal(SIGXFSZ, SIG_IGN);
}

static int64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec + 1;
}

static int unmount_ours(const struct life *life, bool lazy)
{
	char *place = mountpoint_place(life->fs->dev);
	int rc;

	if (place == NULL)
		return ENOENT;
	mountpoint_sync(place);
	rc = mountpoint_unmount(place, lazy);
	free(place);
	return rc;
}

static void on_signal(struct life *life)
{
	struct signalfd_siginfo si;
	bool again;
	int rc;

	if (read(life->signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	again = life->asked_at != 0 && now_s() - life->asked_at <= 5;
	life->asked_at = now_s();
	rc = unmount_ours(life, again);
	if (again)
		life->over = true;
	else if (rc == ENOENT)
		log_line(life->fs->log, "%s: not mounted there any more, but "
			 "somebody has files open; ask again within five "
			 "seconds to end it all the same", life->mountpoint);
	else if (rc == EBUSY)
		log_line(life->fs->log, "%s: still in use, so still mounted; "
			 "unmount what lies on it, or ask again within five "
			 "seconds to end it all the same", life->mountpoint);
	else if (rc != 0 && rc != EINVAL)
		log_line(life->fs->log, "%s: cannot be unmounted: %s",
			 life->mountpoint, strerror(rc));
}

static void drop_pages(struct fs *fs)
{
	uint64_t inos[PTABLE_MAX + 8];
	size_t n = tree_take_stale(&fs->tree, inos, PTABLE_MAX + 8);

	for (size_t i = 0; i < n; i++)
		fuse_lowlevel_notify_inval_inode(fs->se, inos[i], 0, 0);
}

static void restore_size(const struct life *life, const char *path,
			 const struct tree_grown *g)
{
	int fd = mountpoint_open(path, life->fs->dev, g->ino);
	char self[64];

	if (fd < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (truncate(self, (off_t)g->len) != 0)
		log_line(life->fs->log, "%s: %s", path, strerror(errno));
	close(fd);
}

static void log_past_end(struct log *log, const char *path, uint64_t len)
{
	struct vhd_error err;

	memset(&err, 0, sizeof(err));
	err.code = VHD_E_RANGE;
	snprintf(err.file, sizeof(err.file), "%.255s", path);
	strcpy(err.msg, "the disk ends there");
	log_failure(log, "write", len, &err);
}

/*
 * Only being cut makes a kernel that writes back take a file's size from us.
 */
static void restore_sizes(struct life *life)
{
	char *place = mountpoint_place(life->fs->dev), *path;
	struct tree_grown g;

	while (place != NULL && tree_take_grown(&life->fs->tree, &g)) {
		if (asprintf(&path, "%s%s%s", place,
			     g.name[0] != '\0' ? "/" : "", g.name) < 0)
			break;
		log_past_end(life->fs->log, path, g.len);
		restore_size(life, path, &g);
		free(path);
	}
	free(place);
}

static void on_wake(struct life *life)
{
	struct fs *fs = life->fs;
	struct timespec pause = { 0, SETTLE_MS * 1000000 };
	unsigned int todo;
	uint64_t count;

	if (read(fs->wake, &count, sizeof(count)) < 0)
		return;
	/* Partitioning a disk takes many writes. */
	nanosleep(&pause, NULL);
	todo = atomic_exchange(&fs->todo, 0);
	if ((todo & FS_TABLE_CHANGED) != 0) {
		fs_parts_refresh(fs);
		fs_parts_tell(fs);
	}
	if ((todo & FS_SIZE_WRONG) != 0)
		restore_sizes(life);
	if ((todo & FS_PAGES_OLD) != 0)
		drop_pages(fs);
}

static void wait_for_end(struct life *life)
{
	struct pollfd p[3] = {
		{ .fd = life->done, .events = POLLIN },
		{ .fd = life->signals, .events = POLLIN },
		{ .fd = life->fs->wake, .events = POLLIN },
	};

	while (!life->over) {
		if (poll(p, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (p[0].revents != 0)
			break;
		if (p[1].revents != 0)
			on_signal(life);
		if (p[2].revents != 0)
			on_wake(life);
	}
}

/* The mount stands: everybody may go on. */
static void announce(struct fs *fs, int token)
{
	log_serving(fs->log, token < 0);
	notify_ready();
	if (token >= 0)
		daemon_ready(token);
}

static int serve(struct life *life, int token)
{
	int rc = prime(life->fs, life->mountpoint);

	if (rc == 0) {
		announce(life->fs, token);
		wait_for_end(life);
	}
	loop_stop(life->loop);
	return rc;
}

int life_run(struct fs *fs, const char *mountpoint, int token)
{
	sigset_t set = our_signals();
	struct life life = { .fs = fs, .mountpoint = mountpoint };
	int rc = -1;

	life.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	life.done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (life.signals >= 0 && life.done >= 0)
		life.loop = loop_start(fs->se, fs->opts->threads, life.done);
	if (life.loop != NULL)
		rc = serve(&life, token);
	else
		log_line(fs->log, "serving cannot begin: %s", strerror(errno));
	if (life.signals >= 0)
		close(life.signals);
	if (life.done >= 0)
		close(life.done);
	return rc;
}
