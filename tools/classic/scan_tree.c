/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children are hung up below their parents in one pass over a sorted list, from
 * its end, so that each list of children is sorted too; then the trees are walked
 * with a stack, for a chain may be as long as there are files.  A ring of parents
 * has no root: what no root leads to is printed like one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classic/scan.h"

#define NONE SIZE_MAX

/* Deeper ones are not moved further: lines of any length help nobody. */
enum { DEEPEST = 256 };

struct node {
	const struct scan_image *image;
	size_t parent;
	size_t child;		/* the last of them in the order of lines */
	size_t sibling;		/* the one in front */
	size_t depth;
	bool printed;
};

struct tree {
	const struct scan_opts *opts;
	struct node *nodes;
	size_t count;
	size_t *stack;
	struct scan_index *index;
};

/* Those in use come before those that are hidden. */
static int by_use(const void *a, const void *b)
{
	const struct scan_image *x = ((const struct node *)a)->image;
	const struct scan_image *y = ((const struct node *)b)->image;

	if ((x->hidden != 0) != (y->hidden != 0))
		return x->hidden != 0 ? 1 : -1;
	return strcmp(x->name, y->name);
}

static bool index_keys(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const char *key = t->nodes[i].image->key;

		if (key != NULL && scan_index_put(&t->index, key, i) < 0)
			return false;
	}
	return true;
}

static void hang_up(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct node *n = &t->nodes[i];
		const char *key = n->image->parent_key;

		if (key == NULL || !scan_index_find(t->index, key, &n->parent))
			continue;
		n->sibling = t->nodes[n->parent].child;
		t->nodes[n->parent].child = i;
	}
}

static void indent(size_t depth)
{
	for (size_t i = 0; i < depth && i < DEEPEST; i++)
		fputs("   ", stdout);
}

static void print_from(struct tree *t, size_t root)
{
	size_t used = 0;

	t->nodes[root].depth = 0;
	t->stack[used++] = root;
	while (used > 0) {
		struct node *n = &t->nodes[t->stack[--used]];

		n->printed = true;
		indent(n->depth);
		scan_print(t->opts, n->image, n->image->parent != NULL &&
			   n->parent == NONE);
		for (size_t i = n->child; i != NONE; i = t->nodes[i].sibling) {
			if (t->nodes[i].printed)
				continue;
			t->nodes[i].depth = n->depth + 1;
			t->stack[used++] = i;
		}
	}
}

static void print_roots(struct tree *t, bool hidden)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct node *n = &t->nodes[i];

		if (n->parent == NONE && (n->image->hidden != 0) == hidden)
			print_from(t, i);
	}
}

static void print_all(struct tree *t)
{
	print_roots(t, true);
	print_roots(t, false);
	for (size_t i = 0; i < t->count; i++) {
		if (!t->nodes[i].printed)
			print_from(t, i);
	}
}

bool scan_print_tree(const struct scan_opts *opts,
		     const struct scan_image *images, size_t count)
{
	struct tree t = { .opts = opts };
	bool ok;

	t.nodes = calloc(count + 1, sizeof(*t.nodes));
	t.stack = calloc(count + 1, sizeof(*t.stack));
	for (size_t i = 0; t.nodes != NULL && i < count; i++) {
		if (images[i].error != 0)
			scan_print(opts, &images[i], false);
		else
			t.nodes[t.count++] = (struct node){
				&images[i], NONE, NONE, NONE, 0, false
			};
	}
	ok = t.nodes != NULL && t.stack != NULL;
	if (ok) {
		qsort(t.nodes, t.count, sizeof(*t.nodes), by_use);
		ok = index_keys(&t);
	}
	if (ok) {
		hang_up(&t);
		print_all(&t);
	}
	scan_index_free(t.index);
	free(t.nodes);
	free(t.stack);
	return ok;
}
