/* SPDX-License-Identifier: BSD-2-Clause */
#include "allowed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fuse_log.h>

#define DEVICE "/dev/fuse"
#define CONF "/etc/fuse.conf"

static bool conf_allows_others(void)
{
	static const char word[] = "user_allow_other";
	FILE *f = fopen(CONF, "re");
	bool found = false;
	char line[256];

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		const char *p = line + strspn(line, " \t");

		found = strncmp(p, word, strlen(word)) == 0 &&
			strchr(" \t\r\n", p[strlen(word)]) != NULL;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

int allowed_check(const struct options *o)
{
	if (access(DEVICE, R_OK | W_OK) != 0) {
		int saved = errno;

		fprintf(stderr, "vhdfuse: %s: %s\n", DEVICE, strerror(saved));
		if (saved == ENOENT)
			fputs("hint: as root: modprobe fuse\n", stderr);
		else
			fputs("hint: its permissions say who may mount; usually "
			      "everybody may: chmod a+rw " DEVICE "\n", stderr);
		return -1;
	}
	if (o->allow_other && geteuid() != 0 && !conf_allows_others()) {
		fputs("vhdfuse: allow_other is for root, and for others only if "
		      CONF " says user_allow_other\n", stderr);
		return -1;
	}
	return 0;
}

static void message(enum fuse_log_level level, const char *fmt, va_list ap)
	VHD_PRINTF(2, 0);
static void message(enum fuse_log_level level, const char *fmt, va_list ap)
{
	static const char own[] = "fuse: ";

	(void)level;
	/* A line may come in pieces: what begins one names libfuse. */
	if (strncmp(fmt, own, strlen(own)) == 0) {
		fmt += strlen(own);
		fputs("vhdfuse: ", stderr);
	}
	vfprintf(stderr, fmt, ap);
}

void allowed_messages(void)
{
	fuse_set_log_func(message);
}
