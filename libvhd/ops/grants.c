/* SPDX-License-Identifier: BSD-2-Clause */
/* What an owner allows, from words to rules. */

#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "ops/mend.h"

/* The rules that can be mended in more than one way. */
static const struct {
	const char *rule;
	const char *words;	/* the usual one first */
	bool needed;		/* there is no usual one */
	bool apart;		/* "all" does not mean it: data would change */
} choices[] = {
	{ "VHD1_BLOCK_OVERLAP", "copy first second", false, false },
	{ "VHDX_BLOCK_OVERLAP", "copy first second", false, false },
	{ "VHDX_BITMAP_MISSING", "file parent", true, false },
	{ "VHDX_FIXED_HOLES", "allocate clear", false, false },
	{ "VHDX_HDR_NEWER_BAD", "log older", false, false },
	{ "VHDX_HDR_BOTH_BAD", "keep discard", false, false },
	{ "VHDX_LOG_NO_SEQUENCE", "clear discard", false, false },
	{ "VHDX_LOG_PLACE", "find discard", false, false },
	{ "VHDX_RGN_DIFFER", "first second", false, false },
	{ "VHDX_LOCATOR_MISSING", "parent alone", false, false },
	{ "VHDX_LOCATOR_STRAY", "drop child", false, false },
	{ "VHD1_FOOTERS_DIFFER", "first second", false, false },
	{ "VHD1_FIXED_SHORT", "extend shrink", false, false },
	{ "VHD1_FIXED_SLACK", "cut grow", false, false },
	{ "VHD1_DATA_UNDER_CLEAR_BIT", "set zero", false, true },
};

static bool is_apart(const struct vhd_rule *rule)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (choices[i].apart && !strcmp(choices[i].rule, rule->name))
			return true;
	}
	return false;
}

const char *vhd_repair_choices(const struct vhd_rule *rule, bool *needed_out)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcmp(choices[i].rule, rule->name))
			continue;
		if (needed_out)
			*needed_out = choices[i].needed;
		return choices[i].words;
	}
	if (needed_out)
		*needed_out = false;
	return NULL;
}

void vhd_grants_init(struct vhd_grants *g)
{
	const struct vhd_rule *rules = vhd_rules(NULL);

	for (size_t i = 0; i < VHD_RULE_COUNT; i++)
		g->choice[i] = rules[i].repair == VHD_REPAIR_AUTO ? "" : NULL;
}

void vhd_grants_all(struct vhd_grants *g)
{
	const struct vhd_rule *rules = vhd_rules(NULL);

	for (size_t i = 0; i < VHD_RULE_COUNT; i++)
		g->choice[i] = rules[i].repair != VHD_REPAIR_NONE &&
					       !is_apart(&rules[i]) ? "" : NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word), n;

	for (; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (n == len && !memcmp(words, word, n))
			return true;
	}
	return false;
}

static int add_rule(struct vhd_grants *g, size_t index, const char *choice,
		    struct vhd_error *err)
{
	const struct vhd_rule *rule = &vhd_rules(NULL)[index];
	const char *words = vhd_repair_choices(rule, NULL);

	if (*choice && !words)
		return vhd_fail(err, VHD_E_INVAL,
				"there is only one way to mend %s, not \"%s\"",
				rule->name, choice);
	if (*choice && !has_word(words, choice))
		return vhd_fail(err, VHD_E_INVAL,
				"%s cannot be mended by \"%s\", only by one of: "
				"%s", rule->name, choice, words);
	g->choice[index] = choice;
	return 0;
}

static bool names_rule(const char *word, const struct vhd_rule *rule)
{
	if (!strcasecmp(word, "all"))
		return !is_apart(rule);
	return !strcasecmp(word, rule->name) || !strcasecmp(word, rule->id);
}

static int add_consent(struct vhd_grants *g, const struct vhd_consent *c,
		       struct vhd_error *err)
{
	const struct vhd_rule *rules = vhd_rules(NULL);
	bool known = false, mended = false;
	int rc = 0;

	if (!c->rule)
		return vhd_fail(err, VHD_E_INVAL, "a consent names no rule");
	if (!strcasecmp(c->rule, "all") && c->choice && *c->choice)
		return vhd_fail(err, VHD_E_INVAL,
				"a choice belongs to one rule, not to all");
	for (size_t i = 0; !rc && i < VHD_RULE_COUNT; i++) {
		if (!names_rule(c->rule, &rules[i]))
			continue;
		known = true;
		if (rules[i].repair == VHD_REPAIR_NONE)
			continue;
		mended = true;
		rc = add_rule(g, i, c->choice ? c->choice : "", err);
	}
	if (rc || mended)
		return rc;
	if (known)
		return vhd_fail(err, VHD_E_INVAL,
				"nothing can be done about %s, so there is "
				"nothing to allow", c->rule);
	return vhd_fail(err, VHD_E_INVAL, "there is no rule \"%s\"", c->rule);
}

int vhd_grants_add(struct vhd_grants *g, const struct vhd_consent *consents,
		   size_t count, struct vhd_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++)
		rc = add_consent(g, &consents[i], err);
	return rc;
}
