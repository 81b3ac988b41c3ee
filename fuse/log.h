/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_LOG_H
#define VHDFUSE_LOG_H

/*
 * Where messages go: to stderr until the program has gone into the background,
 * then to a file or to syslog.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vhd/vhd.h>

struct log {
	FILE *file;		/* NULL: syslog */
	FILE *later;		/* what @file becomes in the background */
	pthread_mutex_t lock;
	int64_t quiet_until;	/* of log_failure(), in seconds */
	unsigned int swallowed;
};

void log_init(struct log *log);

/* log_to - write to @path once the mount stands; returns 0 or an errno */
int log_to(struct log *log, const char *path);

/* log_serving - the mount stands, and in the background stderr is gone */
void log_serving(struct log *log, bool foreground);

void log_line(struct log *log, const char *fmt, ...) VHD_PRINTF(2, 3);

/* log_error - "vhdfuse: FILE: sentence", on stderr with a hint */
void log_error(struct log *log, const struct vhd_error *err, const char *file);

/*
 * log_failure - a request of the kernel failed
 *
 * A disk that is full fails every request: one line a second says so.
 */
void log_failure(struct log *log, const char *what, uint64_t off,
		 const struct vhd_error *err);

void log_close(struct log *log);

#endif
