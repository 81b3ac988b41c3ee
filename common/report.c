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
#include "common/foreign.h"
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
	{ VHD_E_PARENT, "_PARENT_ID", " relink ",
	  "look for the right one in more folders with --search DIR; to take "
	  "another all the same: vhd-util rebase --unsafe --parent FILE" },
	{ VHD_E_PARENT, "_PARENT_ID", " rebase ",
	  "the right one is found by: vhd-util relink --search DIR; use this one "
	  "all the same with --ignore-parent-id" },
	{ VHD_E_PARENT, "_PARENT_ID", NULL,
	  "name the right one with --parent FILE, or use this one all the same "
	  "with --ignore-parent-id" },
	{ VHD_E_PARENT, "_CHAIN", NULL, NULL },
	{ VHD_E_PARENT, NULL, " relink ",
	  "look for it in more folders with --search DIR; is it lost, another "
	  "one is recorded with: vhd-util rebase --unsafe" },
	{ VHD_E_PARENT, NULL, " rebase ",
	  "a parent that was moved is found by: vhd-util relink --search DIR; "
	  "--unsafe does without the old one, when the new one holds the same" },
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
	{ VHD_E_NOTFILE, "_PARENT_MISSING", NULL,
	  "for an image you trust, name the device with --parent FILE" },
	{ VHD_E_BUSY, NULL, " create convert salvage ",
	  "stop the program that uses it first; a source can be read as it is "
	  "with --no-lock" },
	{ VHD_E_BUSY, NULL, " write trim bench ",
	  "stop the program that uses it; an image is written by one program "
	  "at a time" },
	{ VHD_E_REFUSED, NULL, " relink ",
	  "name the one that is meant: vhd-util rebase --unsafe --parent FILE" },
	{ VHD_E_REFUSED, NULL, " merge ",
	  "finish, merge, flatten or remove that one first; -o NEW leaves all "
	  "images as they are, and --orphan gives it up" },
	{ VHD_E_REFUSED, NULL, " create snapshot ",
	  "give the merge command again that was interrupted; the image that it "
	  "merges can be built upon meanwhile" },
	{ VHD_E_BUSY, NULL, " merge ",
	  "stop the program that uses it; nobody may use the layer that takes "
	  "the changes, nor a child of the merged image" },
	{ VHD_E_NOSPACE, NULL, " merge ",
	  "make room and do it again: it goes on where it was" },
	{ VHD_E_NOSPACE, NULL, " rebase ",
	  "make room and do it again: until it is done the image has its old "
	  "parent, and what was copied stays" },
	{ VHD_E_REFUSED, NULL, " write trim ",
	  "write to a child instead, or give the children up with --orphan" },
	{ VHD_E_BUSY, NULL, " resize set ",
	  "stop the program that uses it; an image is changed by one program "
	  "alone" },
	{ VHD_E_REFUSED, NULL, " compact ",
	  "with --no-fs all bytes stay as they are; children are given up with "
	  "--orphan, a saved machine has to be started and shut down" },
	{ VHD_E_NOSPACE, NULL, " compact ",
	  "make a little room and do it again; what was saved so far stays saved" },
	{ VHD_E_CORRUPT, "_TABLE_LOST", " compact ",
	  "a disk that was emptied looks the same: then compact --force gives "
	  "that space up; else copy it out first with: vhd-util salvage %f "
	  "NEW.vhdx" },
	{ VHD_E_BUSY, NULL, " compact ",
	  "shut down the machine that uses it (WSL and Docker Desktop: wsl "
	  "--shutdown)" },
	{ VHD_E_BUSY, NULL, " rebase relink ",
	  "stop the program that uses it; a child is changed by one program, "
	  "and while nobody writes to its parents" },
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
	{ VHD_E_EXISTS, NULL,
	  " create convert salvage read snapshot flatten diff digest merge ",
	  "--force replaces it" },
	{ VHD_E_EXISTS, NULL, " repair ",
	  "if it is of a repair that was interrupted, take that back with: "
	  "vhd-util repair --undo %f; else name another with --undo-file FILE" },
	{ VHD_E_NOSPACE, NULL, " repair ",
	  "make room, or put the undo file elsewhere with --undo-file FILE" },
	{ VHD_E_INVAL, NULL, " undo ",
	  "name the image after the undo file; --force restores it whatever it "
	  "holds now, and what was written to it since is lost" },
	{ VHD_E_CORRUPT, NULL, " undo ", NULL },
	{ VHD_E_CORRUPT, NULL, " rebase relink ",
	  "all that is wrong with it is listed by: vhd-util check %f; a damaged "
	  "record of the parent is mended by: vhd-util repair --parent FILE" },
	{ VHD_E_FORMAT, NULL, " repair ",
	  "if it was an image, say which: --format vhd or --format vhdx" },
	{ VHD_E_NOSPACE, NULL,
	  " create convert salvage snapshot flatten diff ",
	  "nothing was left behind; make room and do it again (a dynamic VHD or "
	  "VHDX needs room for data only)" },
	{ VHD_E_REFUSED, "_SAVED_STATE", " resize ",
	  "when that state is not needed any more: vhd-util set --saved-state "
	  "no %f" },
	{ VHD_E_REFUSED, NULL, " resize set ",
	  "merge or remove its children first, or give them up with --orphan" },
	{ VHD_E_NOSPACE, NULL, " resize ",
	  "make room and do it again; no byte of the disk is lost" },
	{ EACCES, NULL,
	  " write trim bench repair undo resize set compact merge rebase relink ",
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
	{ ECONNRESET, NULL, " convert ",
	  "the server ended the connection, and its log may say why" },
	{ VHD_E_FORMAT, NULL, " convert ",
	  "a raw disk of that name is taken with --source-format raw; what is "
	  "left of a VHD or VHDX is copied out by: vhd-util salvage %f "
	  "NEW.vhdx" },
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
	  "with: vhd-util convert --source-format raw %f NEW.vhdx" },
	{ VHD_E_CORRUPT, NULL,
	  " info convert map create read write trim bench vhdfuse ",
	  "all that is wrong with it is listed by: vhd-util check %f" },
};

/* Where the sentence decides: what it ends with, for whom, and the advice. */
static const struct hint sentences[] = {
	{ VHD_E_REFUSED, "would be spoilt",
	  " create convert salvage snapshot flatten diff read ",
	  "choose another name, or give the children of the old file up with "
	  "--orphan" },
	{ VHD_E_REFUSED, "would be spoilt", " digest ",
	  "choose another name" },
	{ VHD_E_INVAL, "(.vhd, .vhdx, .raw)", " convert ",
	  "name it with -O: vhd, vhdx, raw, qcow2, vmdk or vdi; what is to be "
	  "packed ends in .vhd.gz, say" },
	{ VHD_E_INVAL, "(.vhd, .vhdx, .raw)",
	  " create salvage flatten diff snapshot ",
	  "name it with --format: vhd, vhdx or raw" },
	{ VHD_E_INVAL, "has no whole sector", " create convert ",
	  "a size without a unit is in bytes: 64G are 64 GiB" },
	{ VHD_E_CORRUPT, "no undo file", " undo ",
	  "what takes a repair back is the file that it wrote, IMAGE.undo" },
	{ VHD_E_FORMAT, "is empty", NULL, NULL },
	{ VHD_E_FORMAT, "has to be said", " convert ",
	  "say what it is: --source-format raw, vhd or vhdx" },
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
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		const struct hint *h = &sentences[i];

		if (h->code == err->code && ends_with(err->msg, h->rule) &&
		    (h->who == NULL || among(h->who, who)))
			return h->text;
	}
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

/* The advice, with the name of the file wherever it has a place for it. */
static void put_hint(FILE *to, const char *text, const char *file)
{
	const char *place;

	while ((place = strstr(text, "%f")) != NULL) {
		fwrite(text, 1, (size_t)(place - text), to);
		text_put_shell(to, file);
		text = place + 2;
	}
	fputs(text, to);
}

void report_hint(FILE *to, const struct vhd_error *err, const char *who,
		 const char *file)
{
	const char *text = foreign_way(err);
	bool foreign = text != NULL;

	if (!foreign)
		text = find_hint(err, who);
	if (text == NULL)
		return;
	if (err->file[0] != '\0')
		file = err->file;
	fputs("hint: ", to);
	put_hint(to, text, file != NULL ? file : "FILE");
	if (foreign && among(" convert ", who))
		fputs("; --source-format raw takes the bytes of the file as "
		      "they are", to);
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
