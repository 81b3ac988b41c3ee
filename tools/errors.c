/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the library's facts to a person's next step.
 *
 * The library says what is wrong and gives no advice; programs know which of
 * their options helps.  Hints are chosen by status code, by rule where one code
 * has several causes, and by verb, since not every verb has every option.
 */
#include "errors.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "color.h"
#include "text.h"

/**
 * struct hint - one piece of advice; the first that fits is given
 *
 * @code:    a vhd_status, or the errno of the call that failed
 * @rule:    end of a rule's name, or NULL for any
 * @verbs:   the verbs it suits, each between blanks, or NULL for all
 * @text:    the advice; "%f" is the file
 */
struct hint {
	int code;
	const char *rule;
	const char *verbs;
	const char *text;
};

static const struct hint hints[] = {
	{ VHD_E_PARENT, "_PARENT_ID", NULL,
	  "name the right one with --parent FILE, or use this one all the same "
	  "with --ignore-parent-id" },
	{ VHD_E_PARENT, "_CHAIN", NULL, NULL },
	{ VHD_E_PARENT, NULL, " create ",
	  "say where parents lie with --parent-dir DIR" },
	{ VHD_E_PARENT, NULL, NULL,
	  "name the parent with --parent FILE, or say where parents lie with "
	  "--parent-dir DIR" },
	{ VHD_E_POLICY, NULL, NULL,
	  "allow that place with --parent-dir DIR, or, for an image you trust, "
	  "any place with --any-parent-dir" },
	{ VHD_E_BUSY, NULL, " create convert ",
	  "stop the program that uses it first; a source can be read as it is "
	  "with --no-lock" },
	{ VHD_E_BUSY, NULL, " write trim bench ",
	  "stop the program that uses it; an image is written by one program "
	  "at a time" },
	{ VHD_E_BUSY, NULL, NULL,
	  "stop the program that uses it, or read the image as it is with "
	  "--no-lock" },
	{ VHD_E_EXISTS, NULL, " create convert read ", "--force replaces it" },
	{ VHD_E_NOSPACE, NULL, " create convert ",
	  "nothing was left behind; a dynamic VHD or VHDX needs room for data "
	  "only" },
	{ EACCES, NULL, " write trim bench ",
	  "if it is yours, allow it with: chmod u+w %f" },
	{ EROFS, NULL, " write trim bench ",
	  "reading works; a copy elsewhere is made with: vhd-util convert %f "
	  "NEW.vhdx" },
	{ VHD_E_NOSPACE, NULL, " write trim bench ",
	  "make room and do it again; what was flushed is there" },
	{ VHD_E_POISONED, NULL, NULL,
	  "what was flushed before is there; look at it with: vhd-util check "
	  "%f" },
	{ VHD_E_RANGE, NULL, NULL,
	  "the size of the disk is shown by: vhd-util info %f" },
	{ VHD_E_FORMAT, NULL, " convert ",
	  "say what it is: --source-format raw, vhd or vhdx" },
	{ VHD_E_FORMAT, NULL, " create ",
	  "if it is a raw disk, say --raw-parent" },
	{ VHD_E_FORMAT, NULL, NULL,
	  "a raw disk becomes an image with: vhd-util convert --source-format "
	  "raw %f NEW.vhdx" },
	{ VHD_E_CORRUPT, NULL,
	  " info convert map create read write trim bench ",
	  "all that is wrong with it is listed by: vhd-util check %f" },
};

static bool ends_with(const char *text, const char *end)
{
	size_t text_len = strlen(text), end_len = strlen(end);

	return text_len >= end_len &&
	       strcmp(text + text_len - end_len, end) == 0;
}

static bool verb_in(const char *verbs, const char *verb)
{
	const char *p = strstr(verbs, verb);

	return p != NULL && p[strlen(verb)] == ' ';
}

static const char *find_hint(const struct vhd_error *err, const char *verb)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		const struct hint *h = &hints[i];

		if (h->code != err->code &&
		    (h->code < 0 || h->code != err->os_errno))
			continue;
		if (h->rule != NULL &&
		    (err->rule == NULL || !ends_with(err->rule->name, h->rule)))
			continue;
		if (h->verbs != NULL && !verb_in(h->verbs, verb))
			continue;
		return h->text;
	}
	return NULL;
}

void error_hint(struct cli *cli, const struct vhd_error *err, const char *file)
{
	const char *text = find_hint(err, cli_verb(cli));
	const char *place;

	if (text == NULL)
		return;
	if (err->file[0] != '\0')
		file = err->file;
	place = strstr(text, "%f");
	fputs("hint: ", stderr);
	if (place == NULL) {
		fputs(text, stderr);
	} else {
		fwrite(text, 1, (size_t)(place - text), stderr);
		text_put_shell(stderr, file != NULL ? file : "FILE");
		fputs(place + 2, stderr);
	}
	fputc('\n', stderr);
}

static void print_rule(const struct vhd_error *err)
{
	if (err->rule != NULL)
		fprintf(stderr, " (%s, %s)", err->rule->id, err->rule->clause);
	if (err->off != VHD_NO_OFFSET && err->rule != NULL)
		fprintf(stderr, " at 0x%" PRIx64, err->off);
}

int error_report(struct cli *cli, const struct vhd_error *err,
		 const char *file)
{
	bool color = color_wanted(stderr);

	if (err->code == VHD_E_CANCELLED) {
		fprintf(stderr, "vhd-util %s: cancelled\n", cli_verb(cli));
		return CLI_CANCELLED;
	}
	if (err->file[0] != '\0')
		file = err->file;
	fflush(stdout);
	fprintf(stderr, "vhd-util %s: ", cli_verb(cli));
	fputs(color_code(color, COLOR_BOLD), stderr);
	if (file != NULL) {
		text_put(stderr, file);
		fputs(": ", stderr);
	}
	fputs(color_code(color, COLOR_NONE), stderr);
	text_put(stderr, err->msg[0] != '\0' ? err->msg :
						vhd_status_name(err->code));
	print_rule(err);
	fputc('\n', stderr);
	error_hint(cli, err, file);
	return CLI_FAILED;
}

int error_output(const char *verb)
{
	fprintf(stderr, "vhd-util %s: standard output: %s\n", verb,
		strerror(errno));
	return CLI_FAILED;
}
