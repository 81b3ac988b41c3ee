/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_REPAIR_H
#define VHD_TOOLS_REPAIR_H

#include "cli_open.h"
#include "json.h"
#include "progress.h"

struct repair_line;

/**
 * struct repair_list - lines of one kind: steps, possible steps, findings
 *
 * What a repair tells while it works, kept until it can be printed in order: a
 * few lines of each rule, and how many more there are.
 *
 * @counts: how many there are of each rule, kept or not
 * @parent: rules that the owner has to name the parent for
 */
struct repair_list {
	struct repair_line *first, **end;
	uint64_t *counts;
	bool *parent;
	bool failed;
};

/* Returns false when there is no memory. */
bool repair_list_init(struct repair_list *list);
void repair_list_free(struct repair_list *list);
void repair_list_add(struct repair_list *list, const struct vhd_rule *rule,
		     uint64_t off, const char *msg);
/* Of a step that is possible. */
void repair_list_add_possible(struct repair_list *list,
			      const struct vhd_repair_step *step);

/* Numbers go on from @number; returns the next one. */
uint64_t repair_print_steps(const struct repair_list *list, uint64_t number,
			    bool color);
/* The same, and under each rule the option that allows it. */
uint64_t repair_print_possible(const struct repair_list *list,
			       uint64_t number, bool color);
void repair_print_findings(const struct repair_list *list, bool color);

/* {"rule", "granted", "offset", "message", "choices"} */
json_t *repair_step_object(const struct vhd_repair_step *step);

/**
 * struct repair_job - one run of the verb
 *
 * @consents, @drops: point into @words and the command line
 * @words:            the arguments of --allow, cut into pieces
 * @in_findings:      --json: the array of steps has been closed
 */
struct repair_job {
	struct cli *cli;
	struct cli_open open;
	struct vhd_repair_opts opts;
	struct vhd_consent *consents;
	uint64_t *drops;
	char **words;
	size_t word_count;
	const char *undo;
	char *undo_file;
	struct repair_list steps, possible, findings;
	struct json_writer json_out;
	struct progress progress;
	bool in_findings;
	bool plan, force, json, no_progress, color;
};

/* The options of the verb; they deliver to repair_option(). */
extern const struct poptOption repair_opts[];
int repair_option(struct cli *cli, int val, const char *text, void *job);
/* Do they go together?  CLI_GO or CLI_USAGE. */
int repair_check_usage(struct repair_job *j);

bool repair_applies(const struct repair_job *j);

/* What was done, or would be, and what to do next. */
void repair_print(const struct repair_job *j, const char *path,
		  const struct vhd_repair_result *r);

#endif
