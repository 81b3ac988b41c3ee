/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the library's facts to a person's next step.
 *
 * The library says what is wrong and gives no advice; programs know which of
 * their options helps.  Hints are chosen by status code, by rule where one code
 * has several causes, and by program or verb, since not every one has every
 * option.
 */
#include "common/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/color.h"
#include "common/text.h"

/**
 * struct hint - one piece of advice; the first that fits is given
 *
 * @code:    a vhd_status, or the errno of the call that failed
 * @rule:    end of a rule's name, or NULL for any
 * @who:     whom it suits, each between blanks, or NULL for all
 * @text:    the advice; "%f" is the file
 */
struct hint {
	int code;
	const char *rule;
	const char *who;
	const char *text;
};

static const struct hint hints[] = {
	{ VHD_E_PARENT, "_PARENT_ID", NULL,
	  "name the right one with --parent FILE, or use this one all the same "
	  "with --ignore-parent-id" },
	{ VHD_E_PARENT, "_CHAIN", NULL, NULL },
	{ VHD_E_PARENT, NULL, " create ",
	  "say where parents lie with --parent-dir DIR" },
	{ VHD_E_PARENT, NULL, " salvage ",
	  "name the parent with --parent FILE, or save what the image itself "
	  "holds with --no-parent" },
	{ VHD_E_PARENT, NULL, NULL,
	  "name the parent with --parent FILE, or say where parents lie with "
	  "--parent-dir DIR" },
	{ VHD_E_POLICY, NULL, NULL,
	  "allow that place with --parent-dir DIR, or, for an image you trust, "
	  "any place with --any-parent-dir" },
	{ VHD_E_BUSY, NULL, " create convert salvage ",
	  "stop the program that uses it first; a source can be read as it is "
	  "with --no-lock" },
	{ VHD_E_BUSY, NULL, " write trim bench ",
	  "stop the program that uses it; an image is written by one program "
	  "at a time" },
	{ VHD_E_BUSY, NULL, " repair ",
	  "stop the program that uses it; a plan can be made all the same with "
	  "--plan --no-lock" },
	{ VHD_E_BUSY, NULL, " undo ", "stop the program that uses it" },
	{ VHD_E_BUSY, NULL, " vhdfuse ",
	  "an image is written by one program alone, or read by many (-o ro "
	  "for all of them); who has it: fuser -v %f" },
	{ VHD_E_BUSY, NULL, NULL,
	  "stop the program that uses it, or read the image as it is with "
	  "--no-lock" },
	{ VHD_E_EXISTS, NULL, " create convert salvage read ", "--force replaces it" },
	{ VHD_E_EXISTS, NULL, " repair ",
	  "if it is of a repair that was interrupted, take that back with: "
	  "vhd-util repair --undo %f; else name another with --undo-file FILE" },
	{ VHD_E_NOSPACE, NULL, " repair ",
	  "make room, or put the undo file elsewhere with --undo-file FILE" },
	{ VHD_E_INVAL, NULL, " undo ",
	  "name the image after the undo file; --force restores it whatever it "
	  "holds now, and what was written to it since is lost" },
	{ VHD_E_CORRUPT, NULL, " undo ", NULL },
	{ VHD_E_FORMAT, NULL, " repair ",
	  "if it was an image, say which: --format vhd or --format vhdx" },
	{ VHD_E_NOSPACE, NULL, " create convert salvage ",
	  "nothing was left behind; a dynamic VHD or VHDX needs room for data "
	  "only" },
	{ EACCES, NULL, " write trim bench repair undo ",
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
	{ VHD_E_FORMAT, NULL, " salvage ",
	  "if it was an image, say which: --source-format vhd or vhdx" },
	{ VHD_E_CORRUPT, NULL, " salvage ",
	  "if the size of the disk is known, say it: --size SIZE" },
	{ VHD_E_FORMAT, NULL, " vhdfuse ",
	  "if it is a raw disk, say -o format=raw" },
	{ VHD_E_FORMAT, NULL, " create ",
	  "if it is a raw disk, say --raw-parent" },
	{ VHD_E_FORMAT, NULL, " check lint ",
	  "if it was a VHD or VHDX, what is left of it is copied out by: "
	  "vhd-util salvage %f NEW.vhdx" },
	{ VHD_E_FORMAT, NULL, NULL,
	  "if it was an image, ask: vhd-util check %f; a raw disk becomes one "
	  "with: vhd-util convert --source-format raw" },
	{ VHD_E_CORRUPT, NULL,
	  " info convert map create read write trim bench vhdfuse ",
	  "all that is wrong with it is listed by: vhd-util check %f" },
};

static bool ends_with(const char *text, const char *end)
{
	size_t text_len = strlen(text), end_len = strlen(end);

	return text_len >= end_len &&
	       strcmp(text + text_len - end_len, end) == 0;
}

static bool among(const char *names, const char *who)
{
	const char *p = strstr(names, who);

	return p != NULL && p[strlen(who)] == ' ';
}

static const char *find_hint(const struct vhd_error *err, const char *who)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		const struct hint *h = &hints[i];

		if (h->code != err->code &&
		    (h->code < 0 || h->code != err->os_errno))
			continue;
		if (h->rule != NULL &&
		    (err->rule == NULL || !ends_with(err->rule->name, h->rule)))
			continue;
		if (h->who != NULL && !among(h->who, who))
			continue;
		return h->text;
	}
	return NULL;
}

void report_hint(FILE *to, const struct vhd_error *err, const char *who,
		 const char *file)
{
	const char *text = find_hint(err, who);
	const char *place;

	if (text == NULL)
		return;
	if (err->file[0] != '\0')
		file = err->file;
	place = strstr(text, "%f");
	fputs("hint: ", to);
	if (place == NULL) {
		fputs(text, to);
	} else {
		fwrite(text, 1, (size_t)(place - text), to);
		text_put_shell(to, file != NULL ? file : "FILE");
		fputs(place + 2, to);
	}
	fputc('\n', to);
}

static void print_rule(FILE *to, const struct vhd_error *err)
{
	if (err->rule == NULL)
		return;
	fprintf(to, " (%s, %s)", err->rule->id, err->rule->clause);
	if (err->off != VHD_NO_OFFSET)
		fprintf(to, " at 0x%" PRIx64, err->off);
}

void report_sentence(FILE *to, const struct vhd_error *err, const char *file)
{
	bool color = color_wanted(to);

	if (err->file[0] != '\0')
		file = err->file;
	fputs(color_code(color, COLOR_BOLD), to);
	if (file != NULL) {
		text_put(to, file);
		fputs(": ", to);
	}
	fputs(color_code(color, COLOR_NONE), to);
	text_put(to, err->msg[0] != '\0' ? err->msg :
					   vhd_status_name(err->code));
	print_rule(to, err);
	fputc('\n', to);
}
