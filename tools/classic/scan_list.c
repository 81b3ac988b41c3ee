/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "classic/scan.h"

bool scan_list_add(struct scan_list *list, const char *name,
		   const struct lvm_volume *volume)
{
	char *copy;

	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct scan_target *targets = reallocarray(list->targets, room,
							   sizeof(*targets));

		if (targets == NULL)
			return false;
		list->targets = targets;
		list->room = room;
	}
	copy = strdup(name);
	if (copy == NULL)
		return false;
	list->targets[list->count++] = (struct scan_target){
		.name = copy, .volume = volume
	};
	return true;
}

bool scan_list_note(struct scan_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct scan_target *t = &list->targets[i];
		char *key = t->volume ? strdup(t->name) : scan_key(t->name);
		int rc = 0;

		if (key != NULL)
			rc = scan_index_put(&list->seen, key, i);
		free(key);
		if (rc < 0)
			return false;
	}
	return true;
}

bool scan_list_link(struct scan_list *list, const struct scan_image *image,
		    const struct lvm_group *group)
{
	/* One that is not there is told of once, too. */
	const char *key = image->parent_key ? image->parent_key
					    : image->parent_path;
	struct scan_target *target;
	int rc;

	if (key == NULL)
		return true;
	rc = scan_index_put(&list->seen, key, list->count);
	if (rc <= 0)
		return rc == 0;
	if (!scan_list_add(list, image->parent_path,
			   group ? lvm_find(group, image->parent_path) : NULL))
		return false;
	target = &list->targets[list->count - 1];
	target->linked = true;
	target->raw = image->parent_raw;
	return true;
}

void scan_list_free(struct scan_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->targets[i].name);
	free(list->targets);
	scan_index_free(list->seen);
}
