/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of the two forms a command line has, and the table of the classic one.
 *
 * Verbs that exist in one form only settle it.  The others are told apart by
 * what follows the verb at once: a short option or --debug begins a classic
 * line, anything else (a file, a long option, -h, -O) a modern one.  Clients of
 * the classic form always put an option there, for it takes names by -n only.
 */
#include "classic/classic.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

/**
 * struct entry - a verb
 *
 * @shared: there is a modern one of the same name
 * @modern: what people may be looking for, or NULL
 * @theirs: short options of the modern one beside -h and -O, or NULL
 */
static const struct entry {
	const struct classic_verb *verb;
	bool shared;
	const char *modern;
	const char *theirs;
} entries[] = {
	{ &classic_check, true, NULL, NULL },
	{ &classic_coalesce, false, "merge", NULL },
	{ &classic_convert, true, NULL, NULL },
	{ &classic_copy, false, "convert", NULL },
	{ &classic_create, true, NULL, NULL },
	{ &classic_fill, false, NULL, NULL },
	{ &classic_key, false, NULL, NULL },
	{ &classic_modify, false, "set", NULL },
	{ &classic_query, false, "info", NULL },
	{ &classic_read, true, NULL, "o" },
	{ &classic_repair, true, NULL, NULL },
	{ &classic_resize, true, NULL, NULL },
	{ &classic_revert, false, NULL, NULL },
	{ &classic_scan, false, "chain", NULL },
	{ &classic_set, true, NULL, NULL },
	{ &classic_snapshot, true, NULL, NULL },
};

enum { ENTRIES = sizeof(entries) / sizeof(entries[0]) };

static const struct entry *find(const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (strcmp(name, entries[i].verb->name) == 0)
			return &entries[i];
	}
	return NULL;
}

static bool is_short_option(const struct entry *e, const char *arg)
{
	/* A number below 0 is none. */
	if (arg[0] != '-' || !isalpha((unsigned char)arg[1]))
		return false;
	/* What the modern form has of them. */
	return !strchr("-hO", arg[1]) &&
	       !(e->theirs && strchr(e->theirs, arg[1]));
}

static bool is_debug(const char *arg)
{
	return strcmp(arg, "--debug") == 0;
}

/* No client writes what Xen's never had. */
static bool is_long_option(const char *arg)
{
	return strncmp(arg, "--", 2) == 0 && arg[2] != '\0' &&
	       !is_debug(arg) && strcmp(arg, "--help") != 0;
}

/*
 * A line without any option, with a long one, or with a file that belongs to none
 * ("convert -f raw -O vhdx disk.raw disk.vhdx") is a person's.
 */
static bool is_of_person(int argc, char **argv)
{
	bool any = false;

	for (int i = 2; i < argc; i++) {
		any = any || argv[i][0] == '-';
		if (is_long_option(argv[i]))
			return true;
		if (i > 2 && argv[i][0] != '-' && argv[i - 1][0] != '-')
			return true;
	}
	return !any;
}

static void point_at_modern(const struct entry *e, int argc, char **argv)
{
	if (!is_of_person(argc, argv))
		return;
	if (e != NULL && e->shared)
		fprintf(stderr, "vhd-util: a short option behind '%s' means Xen's "
			"vhd-util; ours takes long ones: vhd-util %s --help\n",
			e->verb->name, e->verb->name);
	else if (e != NULL && e->modern != NULL)
		fprintf(stderr, "vhd-util: '%s' takes the options of Xen's "
			"vhd-util; do you mean '%s'?\n", e->verb->name,
			e->modern);
}

void classic_point(int argc, char **argv)
{
	const struct entry *e = find(argv[1]);

	if (!e || !e->shared)
		return;
	for (int i = 2; i < argc; i++) {
		char known[] = { '-', '\0', '\0' };

		if (!is_short_option(e, argv[i]))
			continue;
		/* A size may begin with a dash too. */
		known[1] = argv[i][1];
		if (!strstr(e->verb->usage, known))
			continue;
		fprintf(stderr, "In the form of Xen's vhd-util, options come "
			"first: 'vhd-util %s -n NAME ...'.\n", argv[1]);
		return;
	}
}

const struct classic_verb *classic_find(int argc, char **argv)
{
	const struct entry *e = find(argv[1]);

	if (!e)
		return NULL;
	if (!e->shared || (argc > 2 && (is_short_option(e, argv[2]) ||
					is_debug(argv[2]))))
		return e->verb;
	return NULL;
}

const struct classic_verb *classic_at(size_t i)
{
	return i < ENTRIES ? entries[i].verb : NULL;
}

void classic_list(FILE *file)
{
	size_t column = strlen("vhd-util query -n NAME -v: its verbs are");

	for (size_t i = 0; i < ENTRIES; i++) {
		const char *name = entries[i].verb->name;
		bool fits = column + 1 + strlen(name) < 78;

		column = (fits ? column + 1 : 0) + strlen(name);
		fprintf(file, "%c%s", fits ? ' ' : '\n', name);
	}
}

int classic_run(const struct classic_verb *verb, int argc, char **argv)
{
	int kept = 1;

	if (verb != &classic_scan)
		point_at_modern(find(argv[1]), argc, argv);
	if (argc > 2 && strcmp(argv[2], "--help") == 0) {
		classic_help(verb);
		return 0;
	}
	/* argv[0] is what getopt() says in front of its complaints. */
	for (int i = 2; i < argc; i++) {
		if (!is_debug(argv[i]))
			argv[++kept] = argv[i];
	}
	argv[kept + 1] = NULL;
	/* As if for the first time, also for how it treats operands. */
	optind = 0;
	return verb->run(verb, kept, argv + 1);
}

void classic_explain(FILE *out, const struct classic_verb *verb, bool options)
{
	fprintf(out, "usage: vhd-util %s %s\n", verb->name, verb->usage);
	if (options)
		fputs(verb->options, out);
}

int classic_help(const struct classic_verb *verb)
{
	classic_explain(stdout, verb, true);
	return verb->help_status;
}

int classic_usage(const struct classic_verb *verb)
{
	classic_explain(stdout, verb, false);
	return EINVAL;
}

bool classic_no_operands(int argc)
{
	return optind == argc;
}
