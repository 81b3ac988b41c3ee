/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_JSON_H
#define VHD_TOOLS_JSON_H

/*
 * JSON on standard output.  Values are jansson's; what can be long (extents,
 * findings) is written element by element, so that memory does not grow with
 * the image.  docs/json.md is the contract.
 */

#include <jansson.h>

#include "cli.h"

/*
 * Values.  All return NULL without memory, and the functions that take values
 * take NULL, so that one check at the end is enough.
 */

/* An integer; null when it does not fit into 63 bits, as VHD_NO_OFFSET. */
json_t *json_u64(uint64_t value);
/* A text; what is not UTF-8 in it becomes U+FFFD. */
json_t *json_text(const char *text);
json_t *json_guid(const struct vhd_guid *guid);
/* {"id", "name", "clause", "severity"}, or null */
json_t *json_rule(const struct vhd_rule *rule);
/* {"code", "file", "message", "offset", "rule"} */
json_t *json_error_object(const struct vhd_error *err);
/* Sets a member, taking the value over. */
void json_put(json_t *object, const char *key, json_t *value);

/**
 * struct json_writer - a document being written
 *
 * @depth: open objects and arrays
 * @used:  per depth: something was written already
 * @after_key: the next value belongs to a key that is on the line already
 */
struct json_writer {
	FILE *file;
	size_t depth;
	bool used[8];
	bool after_key;
	bool failed;
};

void json_begin(struct json_writer *w, FILE *file);
/* @bracket is '{' or '['. */
void json_open(struct json_writer *w, char bracket);
void json_close(struct json_writer *w, char bracket);
void json_key(struct json_writer *w, const char *key);
/* Writes a value and releases it. */
void json_value(struct json_writer *w, json_t *value);
/* Ends the document; false when memory was short or the output failed. */
bool json_end(struct json_writer *w);

/* json_print - a whole document at once, indented; releases it */
int json_print(struct cli *cli, json_t *document);

#endif
