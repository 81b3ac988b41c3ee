/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/foreign.h"
#include "common/report.h"
#include "common/text.h"

void log_init(struct log *log)
{
	memset(log, 0, sizeof(*log));
	log->file = stderr;
	pthread_mutex_init(&log->lock, NULL);
}

int log_to(struct log *log, const char *path)
{
	FILE *f = fopen(path, "ae");

	if (f == NULL)
		return errno;
	setvbuf(f, NULL, _IOLBF, 0);
	log->later = f;
	return 0;
}

void log_serving(struct log *log, bool foreground)
{
	if (log->later == NULL && foreground)
		return;
	/* Requests are served already. */
	pthread_mutex_lock(&log->lock);
	log->file = log->later;
	if (log->file == NULL)
		openlog("vhdfuse", LOG_PID, LOG_DAEMON);
	pthread_mutex_unlock(&log->lock);
}

static void put(struct log *log, const char *line)
{
	if (log->file == NULL) {
		syslog(LOG_ERR, "%s", line);
		return;
	}
	if (log->file == log->later) {
		char stamp[32];
		struct tm tm;
		time_t now = time(NULL);

		if (localtime_r(&now, &tm) != NULL &&
		    strftime(stamp, sizeof(stamp), "%F %T ", &tm) != 0)
			fputs(stamp, log->file);
	}
	fputs("vhdfuse: ", log->file);
	text_put(log->file, line);
	fputc('\n', log->file);
	fflush(log->file);
}

static void line_locked(struct log *log, const char *fmt, va_list ap)
	VHD_PRINTF(2, 0);
static void line_locked(struct log *log, const char *fmt, va_list ap)
{
	char line[1280];

	vsnprintf(line, sizeof(line), fmt, ap);
	put(log, line);
}

void log_line(struct log *log, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&log->lock);
	line_locked(log, fmt, ap);
	pthread_mutex_unlock(&log->lock);
	va_end(ap);
}

void log_error(struct log *log, const struct vhd_error *error,
	       const char *file)
{
	struct vhd_error found = *error, *err = &found;

	foreign_explain(err, file);
	if (log->file == stderr) {
		fputs("vhdfuse: ", stderr);
		report_sentence(stderr, err, file);
		report_hint(stderr, err, "vhdfuse", file);
		return;
	}
	log_line(log, "%s: %s", err->file[0] != '\0' || file == NULL ? err->file
								    : file,
		 err->msg);
}

void log_failure(struct log *log, const char *what, uint64_t off,
		 const struct vhd_error *err)
{
	struct timespec now;
	char line[1280];

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&log->lock);
	if (now.tv_sec < log->quiet_until) {
		log->swallowed++;
		pthread_mutex_unlock(&log->lock);
		return;
	}
	log->quiet_until = now.tv_sec + 1;
	snprintf(line, sizeof(line), "%s at 0x%" PRIx64 " failed: %s: %s", what,
		 off, err->file, err->msg);
	put(log, line);
	if (log->swallowed) {
		snprintf(line, sizeof(line), "%u more requests failed before "
			 "that", log->swallowed);
		put(log, line);
	}
	log->swallowed = 0;
	pthread_mutex_unlock(&log->lock);
}

void log_close(struct log *log)
{
	if (log->later != NULL)
		fclose(log->later);
	pthread_mutex_destroy(&log->lock);
}
