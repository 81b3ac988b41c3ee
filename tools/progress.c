/* SPDX-License-Identifier: BSD-2-Clause */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sigint.h"
#include "common/size.h"
#include "common/text.h"

/* The bar appears after this time and moves at most this often. */
#define DELAY_S 0.3
#define INTERVAL_S 0.1

enum { BAR_MAX = 60, LINE_MAX_COLUMNS = 160 };

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

void progress_begin(struct progress *pr, bool wanted, bool bytes)
{
	const char *term = getenv("TERM");

	memset(pr, 0, sizeof(*pr));
	/* A dumb terminal cannot clear a line. */
	pr->on = wanted && isatty(STDERR_FILENO) == 1 &&
		 (term == NULL || strcmp(term, "dumb") != 0);
	pr->bytes = bytes;
	clock_gettime(CLOCK_MONOTONIC, &pr->start);
	pr->last = pr->phase = pr->start;
}

static void format_eta(double seconds, char *text, size_t size)
{
	unsigned long s;

	if (seconds > 359999) {
		snprintf(text, size, "ETA long");
		return;
	}
	s = (unsigned long)seconds;
	if (s >= 3600)
		snprintf(text, size, "ETA %lu:%02lu:%02lu", s / 3600,
			 s / 60 % 60, s % 60);
	else
		snprintf(text, size, "ETA %lu:%02lu", s / 60, s % 60);
}

static void format_numbers(const struct progress *pr, double elapsed,
			   uint64_t done, uint64_t total, char *text,
			   size_t size)
{
	char part[SIZE_TEXT], whole[SIZE_TEXT], rate[SIZE_TEXT], eta[32];
	double speed = (double)done / (elapsed > 0 ? elapsed : INTERVAL_S);

	eta[0] = '\0';
	if (total == 0) {
		snprintf(text, size, "%s  %s/s", size_human(done, part),
			 size_human((uint64_t)speed, rate));
		return;
	}
	if (done > 0)
		format_eta((double)(total - done) / speed, eta, sizeof(eta));
	if (!pr->bytes)
		snprintf(text, size, "%" PRIu64 " of %" PRIu64 " steps  %s",
			 done, total, eta);
	else
		snprintf(text, size, "%s of %s  %s/s  %s",
			 size_human(done, part), size_human(total, whole),
			 size_human((uint64_t)speed, rate), eta);
}

/* Of a pipe only what came so far is known. */
static void draw_without_end(struct progress *pr, uint64_t done)
{
	char numbers[LINE_MAX_COLUMNS];

	format_numbers(pr, seconds_since(&pr->start), done, 0, numbers,
		       sizeof(numbers));
	fprintf(stderr, "\r\033[K%.*s", (int)text_columns(stderr) - 1,
		numbers);
	fflush(stderr);
	pr->drawn = true;
}

static void draw(struct progress *pr, uint64_t done, uint64_t total)
{
	char numbers[LINE_MAX_COLUMNS], bar[BAR_MAX + 1];
	double share = total > 0 ? (double)done / (double)total : 1;
	size_t room = text_columns(stderr), taken = 10, width, fits;

	format_numbers(pr, seconds_since(&pr->phase), done, total, numbers,
		       sizeof(numbers));
	/* label + "100% [" + bar + "]  " + numbers must fit into one line. */
	if (pr->label != NULL)
		taken += strlen(pr->label) + 1;
	fits = room > taken ? room - taken : 0;
	if (strlen(numbers) > fits)
		numbers[fits] = '\0';
	width = fits - strlen(numbers);
	if (width > BAR_MAX)
		width = BAR_MAX;
	memset(bar, '.', width);
	memset(bar, '#', (size_t)(share * (double)width));
	bar[width] = '\0';
	fprintf(stderr, "\r\033[K%s%s%3d%% [%s]  %s",
		pr->label != NULL ? pr->label : "",
		pr->label != NULL ? " " : "", (int)(share * 100), bar,
		numbers);
	fflush(stderr);
	pr->drawn = true;
}

bool progress_step(void *progress, uint64_t done, uint64_t total)
{
	struct progress *pr = progress;

	if (sigint_seen())
		return false;
	if (pr->on && total != pr->total) {
		clock_gettime(CLOCK_MONOTONIC, &pr->phase);
		pr->total = total;
	}
	if (!pr->on || seconds_since(&pr->start) < DELAY_S ||
	    seconds_since(&pr->last) < INTERVAL_S)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &pr->last);
	if (total == 0 && done > 0)
		draw_without_end(pr, done);
	else
		draw(pr, done < total ? done : total, total);
	return true;
}

void progress_wipe(struct progress *pr)
{
	if (pr->drawn)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	pr->drawn = false;
}

void progress_end(struct progress *pr)
{
	progress_wipe(pr);
	pr->on = false;
}
