/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * td-util: what the storage manager for files calls beside vhd-util.
 *
 * Its verbs are vhd-util's with operands in place of options, and the word "vhd"
 * in front of them.  Making images is left to those verbs.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "classic/classic.h"
#include "classic/td_query.h"
#include "common/standard.h"

enum { USAGE = 255 };

static const char help[] =
	"usage: td-util create vhd [-r] MIB FILE\n"
	"       td-util snapshot vhd [-m] [-l DEPTH] CHILD PARENT\n"
	"       td-util query vhd [-v] [-p] [-f] [-d] [-b] FILE\n"
	"       td-util set vhd FILE hidden VALUE\n"
	"\n"
	"create:\n"
	"  MIB       the size of the disk, rounded up to 2 MiB\n"
	"  -r        a fixed disk, written with zeros\n"
	"snapshot:\n"
	"  -m        the parent is a raw disk\n"
	"  -l DEPTH  refuse when the chain would have more images; 0: never\n"
	"query:\n"
	"  -v        the size of the disk, in MiB\n"
	"  -p        the path of the parent\n"
	"  -f        whether it is hidden\n"
	"  -d        how many images the chain has\n"
	"  -b        go by the copy of the footer\n"
	"set:\n"
	"  VALUE     0 to 255\n";

/* Names that begin with a dash are no options here. */
static bool is_operand(const char *arg)
{
	return arg[0] != '\0' && arg[0] != '-';
}

enum { WORDS = 8 };

/* A line of vhd-util: a verb and its options. */
struct line {
	const char *words[WORDS + 1];
	int count;
};

static void add(struct line *line, const char *option, const char *value)
{
	line->words[line->count++] = option;
	if (value)
		line->words[line->count++] = value;
}

static int run_classic(const struct classic_verb *verb, struct line *line)
{
	line->words[0] = verb->name;
	/* getopt() has gone through another line before. */
	optind = 0;
	return verb->run(verb, line->count, (char **)(uintptr_t)line->words);
}

static bool are_operands(int argc, char **argv, int count)
{
	if (argc - optind != count)
		return false;
	for (int i = optind; i < argc; i++) {
		if (!is_operand(argv[i]))
			return false;
	}
	return true;
}

static int create(int argc, char **argv)
{
	struct line line = { .count = 1 };
	bool fixed = false;
	uint64_t mib;
	int c;

	while ((c = getopt(argc, argv, "r")) != -1) {
		if (c != 'r')
			return -1;
		fixed = true;
	}
	if (!are_operands(argc, argv, 2) ||
	    !classic_number(argv[optind], UINT32_MAX, &mib))
		return -1;
	add(&line, "-s", argv[optind]);
	add(&line, "-n", argv[optind + 1]);
	if (fixed)
		add(&line, "-r", NULL);
	return run_classic(&classic_create, &line);
}

static int snapshot(int argc, char **argv)
{
	struct line line = { .count = 1 };
	const char *depth = NULL;
	bool raw = false;
	int c;

	while ((c = getopt(argc, argv, "ml:")) != -1) {
		if (c == '?')
			return -1;
		if (c == 'm')
			raw = true;
		else
			depth = optarg;
	}
	if (!are_operands(argc, argv, 2))
		return -1;
	add(&line, "-n", argv[optind]);
	add(&line, "-p", argv[optind + 1]);
	if (raw)
		add(&line, "-m", NULL);
	if (depth)
		add(&line, "-l", depth);
	return run_classic(&classic_snapshot, &line);
}

/* The one field that it has ever known. */
static int set(int argc, char **argv)
{
	struct line line = { .count = 1 };

	if (getopt(argc, argv, "") != -1 || !are_operands(argc, argv, 3) ||
	    strcmp(argv[optind + 1], "hidden") != 0)
		return -1;
	add(&line, "-n", argv[optind]);
	add(&line, "-f", "hidden");
	add(&line, "-v", argv[optind + 2]);
	return run_classic(&classic_set, &line);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "create", create },
	{ "snapshot", snapshot },
	{ "query", td_query },
	{ "set", set },
};

/* -1: not as @help says. */
static int dispatch(int argc, char **argv)
{
	if (argc < 3 || strcmp(argv[2], "vhd") != 0)
		return -1;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		/* In front of getopt()'s complaints. */
		argv[2] = argv[1];
		return verbs[i].run(argc - 2, argv + 2);
	}
	return -1;
}

int main(int argc, char **argv)
{
	int status;

	standard_fill();
	status = dispatch(argc, argv);
	if (status < 0) {
		fputs(help, stdout);
		status = USAGE;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("td-util: what was to be printed could not be written\n",
		      stderr);
		return ENOSPC;
	}
	return status;
}
