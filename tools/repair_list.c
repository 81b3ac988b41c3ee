/* SPDX-License-Identifier: BSD-2-Clause */
#include "repair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "findings.h"

/* Lines of one rule that are kept and printed. */
enum { LINES_MAX = 20 };

struct repair_line {
	struct repair_line *next;
	const struct vhd_rule *rule;
	uint64_t off;
	char msg[];
};

static size_t index_of(const struct vhd_rule *rule)
{
	return (size_t)(rule - vhd_rules(NULL));
}

bool repair_list_init(struct repair_list *list)
{
	size_t rules;

	vhd_rules(&rules);
	memset(list, 0, sizeof(*list));
	list->end = &list->first;
	list->counts = calloc(rules, sizeof(*list->counts));
	list->parent = calloc(rules, sizeof(*list->parent));
	return list->counts != NULL && list->parent != NULL;
}

void repair_list_free(struct repair_list *list)
{
	while (list->first != NULL) {
		struct repair_line *line = list->first;

		list->first = line->next;
		free(line);
	}
	free(list->counts);
	free(list->parent);
	list->counts = NULL;
	list->parent = NULL;
}

void repair_list_add(struct repair_list *list, const struct vhd_rule *rule,
		     uint64_t off, const char *msg)
{
	size_t len = strlen(msg) + 1;
	struct repair_line *line;

	if (list->counts[index_of(rule)]++ >= LINES_MAX)
		return;
	line = malloc(sizeof(*line) + len);
	if (line == NULL) {
		list->failed = true;
		return;
	}
	line->next = NULL;
	line->rule = rule;
	line->off = off;
	memcpy(line->msg, msg, len);
	*list->end = line;
	list->end = &line->next;
}

void repair_list_add_possible(struct repair_list *list,
			      const struct vhd_repair_step *step)
{
	if (step->needs_parent)
		list->parent[index_of(step->rule)] = true;
	repair_list_add(list, step->rule, step->off, step->msg);
}

/* "  3. sentence (VHDX-CHK-04 VHDX_HDR_ONE_BAD at 0x10000)" */
static void print_line(const struct repair_line *line, const char *number,
		       bool color)
{
	printf("%s", number);
	text_put(stdout, line->msg);
	printf(" (%s%s%s %s", color_code(color,
					 finding_color(line->rule->severity)),
	       line->rule->id, color_code(color, COLOR_NONE),
	       line->rule->name);
	if (line->off != VHD_NO_OFFSET)
		printf(" at 0x%" PRIx64, line->off);
	puts(")");
}

static void print_more(uint64_t count, const struct vhd_rule *rule)
{
	if (count > LINES_MAX)
		printf("     ... and %" PRIu64 " more of %s\n",
		       count - LINES_MAX, rule->name);
}

/* "--allow RULE", and what else can be chosen. */
static void print_allow(const struct vhd_rule *rule, bool parent, bool color)
{
	bool needed = false;
	const char *words = vhd_repair_choices(rule, &needed);
	const char *separator = "";

	printf("     %sallow with:%s ", color_code(color, COLOR_BOLD),
	       color_code(color, COLOR_NONE));
	if (!needed) {
		printf("--allow %s%s", rule->name,
		       parent ? " --parent FILE" : "");
		separator = ", or ";
		/* The usual way has been named. */
		words = words != NULL ? strchr(words, ' ') : NULL;
	}
	while (words != NULL && *words != '\0') {
		size_t n;

		words += *words == ' ';
		n = strcspn(words, " ");
		printf("%s--allow %s=%.*s", separator, rule->name, (int)n,
		       words);
		separator = ", or ";
		words += n;
	}
	putchar('\n');
}

/* The lines of one rule together, rules in the order they were met. */
static uint64_t print_list(const struct repair_list *list, uint64_t number,
			   bool possible, bool color)
{
	const struct repair_line *line, *same, *before;

	for (line = list->first; line != NULL; line = line->next) {
		for (before = list->first; before->rule != line->rule;)
			before = before->next;
		if (before != line)
			continue;
		for (same = line; same != NULL; same = same->next) {
			char text[32];

			if (same->rule != line->rule)
				continue;
			snprintf(text, sizeof(text), "%3" PRIu64 ". ",
				 number++);
			print_line(same, text, color);
		}
		print_more(list->counts[index_of(line->rule)], line->rule);
		if (possible)
			print_allow(line->rule,
				    list->parent[index_of(line->rule)], color);
	}
	return number;
}

uint64_t repair_print_steps(const struct repair_list *list, uint64_t number,
			    bool color)
{
	return print_list(list, number, false, color);
}

uint64_t repair_print_possible(const struct repair_list *list,
			       uint64_t number, bool color)
{
	return print_list(list, number, true, color);
}

void repair_print_findings(const struct repair_list *list, bool color)
{
	const struct repair_line *line;

	for (line = list->first; line != NULL; line = line->next)
		print_line(line, "  - ", color);
	for (size_t i = 0, n = 0; vhd_rules(&n) != NULL && i < n; i++)
		print_more(list->counts[i], &vhd_rules(NULL)[i]);
}

json_t *repair_step_object(const struct vhd_repair_step *step)
{
	json_t *object = json_object(), *choices = json_null();
	const char *words = vhd_repair_choices(step->rule, NULL);

	if (words != NULL) {
		choices = json_array();
		while (*words != '\0') {
			size_t n = strcspn(words, " ");

			json_array_append_new(choices, json_stringn(words, n));
			words += n + (words[n] == ' ');
		}
	}
	json_put(object, "rule", json_rule(step->rule));
	json_put(object, "granted", json_boolean(step->granted));
	json_put(object, "offset", json_u64(step->off));
	json_put(object, "message", json_text(step->msg));
	json_put(object, "choices", choices);
	json_put(object, "needs_parent", json_boolean(step->needs_parent));
	return object;
}
