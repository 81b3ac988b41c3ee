/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two questions: do the tables make sense (qemu-img check, which knows most
 * formats), and does the file reach as far as they say that data is (qemu-img
 * map, which knows all).  The first misses data that is not there in some
 * formats, the second tables.
 */
#include "foreign/qemu_check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/size.h"
#include "fail.h"
#include "foreign/process.h"
#include "sigint.h"

/* What qemu-img check ends with. */
enum { SOUND = 0, LEAKS = 3, UNKNOWN = 63 };

enum { LINE = 512 };

static struct process_how tool(const struct qemu_graph *graph,
			       const char *const *argv)
{
	return (struct process_how){
		.argv = argv,
		.fds = graph->fds,
		.fd_count = graph->fd_count,
		.listen = -1,
		.dir = graph->dir.path[0] != '\0' ? graph->dir.path : NULL,
	};
}

/* It has a line for each fault, which may be millions: nobody keeps them. */
static int check(const struct qemu_graph *graph, int *status_out,
		 struct vhd_error *err)
{
	const char *const argv[] = { "qemu-img", "check", "-q", graph->text,
				     NULL };
	struct process_how how = tool(graph, argv);
	struct process p = PROCESS_NONE;
	int rc;

	how.mute = true;
	rc = process_start(&how, &p, err);
	if (rc != 0)
		return rc;
	*status_out = process_wait(&p);
	process_free(&p);
	return 0;
}

static bool number(const char *line, const char *key, uint64_t *out)
{
	const char *at = strstr(line, key);
	char *end;

	if (at == NULL)
		return false;
	at += strlen(key);
	errno = 0;
	*out = strtoull(at, &end, 10);
	return end != at && errno == 0;
}

/* One extent is one line: where in the file does it end, if it is data there? */
static uint64_t end_of(const char *line)
{
	uint64_t off, len, depth;

	if (strstr(line, "\"data\": true") == NULL ||
	    !number(line, "\"offset\": ", &off) ||
	    !number(line, "\"length\": ", &len) ||
	    !number(line, "\"depth\": ", &depth) || depth != 0)
		return 0;
	return len < UINT64_MAX - off ? off + len : UINT64_MAX;
}

static uint64_t last_end(FILE *lines)
{
	char line[LINE];
	uint64_t end = 0;

	while (fgets(line, sizeof(line), lines) != NULL) {
		uint64_t e = end_of(line);

		if (e > end)
			end = e;
	}
	return end;
}

/* How far into the file its data goes.  What cannot be gone through is not
 * sound. */
static int map(const struct qemu_graph *graph, uint64_t *end_out, bool *sound,
	       struct vhd_error *err)
{
	const char *const argv[] = { "qemu-img", "map", "--output=json",
				     graph->text, NULL };
	struct process_how how = tool(graph, argv);
	struct process p = PROCESS_NONE;
	FILE *lines;
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail_nomem(err);
	how.out = process_fd(ends[1]);
	lines = fdopen(ends[0], "r");
	rc = lines == NULL || how.out < 0 ? fail_nomem(err) :
					    process_start(&how, &p, err);
	if (how.out >= 0)
		close(how.out);
	if (rc == 0) {
		*end_out = last_end(lines);
		if (process_wait(&p) != 0)
			*sound = false;
	}
	if (lines != NULL)
		fclose(lines);
	else
		close(ends[0]);
	process_free(&p);
	return rc;
}

int qemu_check(const struct qemu_graph *graph, const char *name,
	       struct vhd_error *err)
{
	uint64_t end = 0;
	int status = SOUND;
	int rc = check(graph, &status, err);
	bool sound = status == SOUND || status == LEAKS || status == UNKNOWN;
	char have[SIZE_TEXT];

	/* What is in several files has no one length. */
	if (rc == 0 && graph->len != 0)
		rc = map(graph, &end, &sound, err);
	if (sigint_seen())
		return fail(err, VHD_E_CANCELLED, name, 0, "cancelled");
	if (rc == 0 && end > graph->len)
		return fail(err, VHD_E_CORRUPT, name, 0, "the image was cut "
			    "off: it has %s, and data up to byte %" PRIu64
			    ", so get a whole copy of it",
			    size_format(graph->len, have), end);
	if (rc == 0 && !sound)
		return fail(err, VHD_E_CORRUPT, name, 0, "the image is damaged "
			    "or was cut off: get a whole copy of it, or see "
			    "what \"qemu-img check -f %s\" says and can repair",
			    graph->driver);
	return rc;
}
