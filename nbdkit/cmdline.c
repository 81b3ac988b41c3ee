/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nbdkit tells a plugin about -r (and a filter about its own wish not to write)
 * when a client connects, which is too late to tell the person at the terminal
 * that the image is in use.  But opening for writing what is to be served
 * read-only would keep others out and replay a log in the file.  So the command
 * line is looked at, with one question: can it be ruled out that anything on it
 * asked for read-only?  Where it cannot, nothing is lost but the early message.
 */
#include "cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Could this be -r, --readonly, --filter, or a short form of one of them? */
static bool may_be_readonly(const char *arg)
{
	if (starts(arg, "--r"))
		return strcmp(arg, "--run") != 0 && !starts(arg, "--run=");
	if (starts(arg, "--"))
		return starts(arg, "--fi");
	return arg[0] == '-' && strchr(arg, 'r') != NULL;
}

bool cmdline_wants_writing(void)
{
	FILE *file = fopen("/proc/self/cmdline", "re");
	char *arg = NULL;
	size_t room = 0;
	bool wants = false;

	if (file == NULL)
		return false;
	while (getdelim(&arg, &room, '\0', file) > 0) {
		wants = !may_be_readonly(arg);
		if (!wants)
			break;
	}
	free(arg);
	fclose(file);
	return wants;
}
