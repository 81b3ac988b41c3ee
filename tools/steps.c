/* SPDX-License-Identifier: BSD-2-Clause */
#include "steps.h"

#include "common/text.h"

void steps_init(struct steps *s, bool json)
{
	s->array = json ? json_array() : NULL;
	s->quiet = json;
}

void steps_note(void *arg, const char *file, const char *msg)
{
	struct steps *s = arg;
	json_t *object;

	if (s->quiet) {
		object = json_object();
		json_put(object, "file", json_text(file));
		json_put(object, "message", json_text(msg));
		json_array_append_new(s->array, object);
		return;
	}
	text_put(stdout, file);
	fputs(": ", stdout);
	text_put(stdout, msg);
	fputc('\n', stdout);
}

json_t *steps_take(struct steps *s)
{
	json_t *array = s->array;

	s->array = json_array();
	return array;
}

void steps_free(struct steps *s)
{
	json_decref(s->array);
	s->array = NULL;
}
