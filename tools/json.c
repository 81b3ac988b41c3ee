/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

json_t *json_u64(uint64_t value)
{
	if (value > INT64_MAX)
		return json_null();
	return json_integer((json_int_t)value);
}

json_t *json_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	json_t *value = json_string(text);
	char *copy;
	size_t len = 0;

	if (value != NULL)
		return value;
	copy = malloc(strlen(text) * 3 + 1);
	if (copy == NULL)
		return NULL;
	while (*text != '\0') {
		const char *start = text;
		bool good = text_next(&text) >= 0;
		size_t n = good ? (size_t)(text - start) : 3;

		memcpy(copy + len, good ? start : replacement, n);
		len += n;
	}
	value = json_stringn(copy, len);
	free(copy);
	return value;
}

json_t *json_guid(const struct vhd_guid *guid)
{
	char text[VHD_GUID_TEXT];

	vhd_guid_format(guid, text);
	return json_string(text);
}

void json_put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value != NULL ? value : json_null());
}

json_t *json_rule(const struct vhd_rule *rule)
{
	json_t *object;

	if (rule == NULL)
		return json_null();
	object = json_object();
	json_put(object, "id", json_string(rule->id));
	json_put(object, "name", json_string(rule->name));
	json_put(object, "clause", json_string(rule->clause));
	json_put(object, "severity",
		 json_string(vhd_severity_name(rule->severity)));
	return object;
}

json_t *json_error_object(const struct vhd_error *err)
{
	json_t *object = json_object();

	json_put(object, "code", json_string(vhd_status_name(err->code)));
	json_put(object, "file", err->file[0] != '\0' ? json_text(err->file) :
							json_null());
	json_put(object, "message", json_text(err->msg));
	json_put(object, "offset", json_u64(err->rule != NULL ? err->off :
								VHD_NO_OFFSET));
	json_put(object, "rule", json_rule(err->rule));
	return object;
}

void json_begin(struct json_writer *w, FILE *file)
{
	memset(w, 0, sizeof(*w));
	w->file = file;
}

/* What has to stand between the last value and the next. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->depth == 0)
		return;
	fprintf(w->file, "%s\n%*s", w->used[w->depth] ? "," : "",
		(int)w->depth * 2, "");
	w->used[w->depth] = true;
}

void json_open(struct json_writer *w, char bracket)
{
	separate(w);
	fputc(bracket, w->file);
	w->depth++;
	w->used[w->depth] = false;
}

void json_close(struct json_writer *w, char bracket)
{
	bool used = w->used[w->depth];

	w->depth--;
	if (used)
		fprintf(w->file, "\n%*s", (int)w->depth * 2, "");
	fputc(bracket, w->file);
}

void json_key(struct json_writer *w, const char *key)
{
	separate(w);
	fprintf(w->file, "\"%s\": ", key);
	w->after_key = true;
}

void json_value(struct json_writer *w, json_t *value)
{
	separate(w);
	if (value == NULL ||
	    json_dumpf(value, w->file, JSON_ENCODE_ANY) != 0)
		w->failed = true;
	json_decref(value);
}

bool json_end(struct json_writer *w)
{
	fputc('\n', w->file);
	return !w->failed && !ferror(w->file);
}

int json_print(struct cli *cli, json_t *document)
{
	int rc = -1;

	if (document != NULL)
		rc = json_dumpf(document, stdout, JSON_INDENT(2));
	json_decref(document);
	if (rc != 0) {
		fprintf(stderr, "vhd-util %s: cannot write JSON\n",
			cli_verb(cli));
		return CLI_FAILED;
	}
	putchar('\n');
	return CLI_OK;
}
