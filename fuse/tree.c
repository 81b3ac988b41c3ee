/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FUSE calls the root 1. */
enum { INO_ROOT = 1, INO_LAYERS = 3 };

static struct node *add(struct tree *t, uint64_t parent, enum node_kind kind,
			const char *name)
{
	struct node *n;

	if (t->count == t->room) {
		size_t room = t->room != 0 ? t->room * 2 : 16;
		struct node **more = realloc(t->nodes, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		t->nodes = more;
		t->room = room;
	}
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	n->ino = t->next_ino++;
	n->parent = parent;
	n->kind = kind;
	n->listed = true;
	atomic_init(&n->used_changed, true);
	snprintf(n->name, sizeof(n->name), "%s", name);
	t->nodes[t->count++] = n;
	return n;
}

static int add_layers(struct tree *t, const struct disk *d)
{
	struct node *dir = add(t, INO_ROOT, NODE_LAYERS, "layers");
	char name[24];

	for (uint32_t i = 0; dir != NULL && i < d->layer_count; i++) {
		struct node *n;

		snprintf(name, sizeof(name), "%" PRIu32 ".raw", i);
		n = add(t, INO_LAYERS, NODE_FILE, name);
		if (n == NULL)
			return ENOMEM;
		n->view.img = d->layers[i];
		n->view.len = vhd_size(d->layers[i]);
		n->view.read_only = true;
	}
	return dir != NULL ? 0 : ENOMEM;
}

static void init(struct tree *t)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	t->next_ino = INO_ROOT;
}

int tree_make_file(struct tree *t, const struct disk *d)
{
	struct node *n;

	init(t);
	n = add(t, 0, NODE_FILE, "");
	if (n == NULL)
		return ENOMEM;
	n->view = d->shown;
	return 0;
}

int tree_make_dir(struct tree *t, const struct disk *d, bool layers)
{
	struct node *n;

	init(t);
	if (add(t, 0, NODE_ROOT, "") == NULL)
		return ENOMEM;
	n = add(t, INO_ROOT, NODE_FILE, "disk.raw");
	if (n == NULL)
		return ENOMEM;
	n->view = d->shown;
	return layers && d->layer_count != 0 ? add_layers(t, d) : 0;
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->nodes[i]);
	free(t->nodes);
	pthread_mutex_destroy(&t->lock);
	memset(t, 0, sizeof(*t));
}

static struct node *find_locked(const struct tree *t, uint64_t ino)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->nodes[i]->ino == ino)
			return t->nodes[i];
	}
	return NULL;
}

struct node *tree_find(struct tree *t, uint64_t ino)
{
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = find_locked(t, ino);
	pthread_mutex_unlock(&t->lock);
	return n;
}

struct node *tree_lookup(struct tree *t, uint64_t parent, const char *name)
{
	struct node *found = NULL;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count && found == NULL; i++) {
		struct node *n = t->nodes[i];

		if (n->listed && n->parent == parent &&
		    strcmp(n->name, name) == 0)
			found = n;
	}
	if (found != NULL)
		found->lookups++;
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* A node that is in no directory goes when nobody has it any more. */
static void drop_unused(struct tree *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct node *n = t->nodes[i];

		if (n->listed || n->lookups != 0 || n->opens != 0)
			t->nodes[kept++] = n;
		else
			free(n);
	}
	t->count = kept;
}

void tree_forget(struct tree *t, uint64_t ino, uint64_t lookups)
{
	struct node *n;

	pthread_mutex_lock(&t->lock);
	n = find_locked(t, ino);
	if (n != NULL) {
		n->lookups -= lookups < n->lookups ? lookups : n->lookups;
		if (n->lookups == 0)
			drop_unused(t);
	}
	pthread_mutex_unlock(&t->lock);
}

bool tree_entry(struct tree *t, uint64_t dir, size_t idx, char name_out[24],
		uint64_t *ino_out, bool *is_dir_out)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count && !found; i++) {
		const struct node *n = t->nodes[i];

		if (!n->listed || n->parent != dir || idx-- != 0)
			continue;
		memcpy(name_out, n->name, sizeof(n->name));
		*ino_out = n->ino;
		*is_dir_out = n->kind != NODE_FILE;
		found = true;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* Do two files show the same bytes? */
static bool overlap(const struct node *a, const struct node *b)
{
	const struct view *v = &a->view, *w = &b->view;

	return a != b && a->kind == NODE_FILE && b->kind == NODE_FILE &&
	       v->img == w->img && v->off < w->off + w->len &&
	       w->off < v->off + v->len;
}

/* What was written through @n makes old what others cached. */
static void settle(struct tree *t, struct node *n)
{
	if (!atomic_exchange(&n->wrote, false))
		return;
	for (size_t i = 0; i < t->count; i++) {
		if (overlap(n, t->nodes[i]))
			t->nodes[i]->stale = true;
	}
}

static void open_locked(struct tree *t, struct node *n, bool writing,
			struct tree_grant *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < t->count; i++) {
		struct node *other = t->nodes[i];

		if (!overlap(n, other))
			continue;
		settle(t, other);
		if (other->writers != 0)
			out->direct = true;
		if (writing && other->opens != 0)
			atomic_store(&n->watched, true);
	}
	n->stale |= atomic_exchange(&n->bypassed, false);
	out->keep_cache = !n->stale && !out->direct;
	n->stale = out->direct;
	n->opens++;
	n->writers += writing;
}

int tree_open(struct tree *t, struct node *n, bool writing,
	      struct tree_grant *out)
{
	bool busy = false;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; writing && i < t->count; i++)
		busy |= overlap(n, t->nodes[i]) && t->nodes[i]->writers != 0;
	if (!busy)
		open_locked(t, n, writing, out);
	pthread_mutex_unlock(&t->lock);
	return busy ? EBUSY : 0;
}

void tree_release(struct tree *t, struct node *n, bool writing)
{
	pthread_mutex_lock(&t->lock);
	n->opens--;
	n->writers -= writing;
	if (n->writers == 0) {
		settle(t, n);
		atomic_store(&n->watched, false);
	}
	drop_unused(t);
	pthread_mutex_unlock(&t->lock);
}

static bool is_part(const struct node *n, const struct disk *d,
		    const struct part *p)
{
	return n->partition && n->listed && n->view.len == p->len &&
	       n->view.off == d->shown.off + p->off &&
	       strtoul(n->name + 1, NULL, 10) == p->number;
}

static bool still_there(const struct node *n, const struct disk *d,
			const struct ptable *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (is_part(n, d, &table->parts[i]))
			return true;
	}
	return false;
}

static int add_part(struct tree *t, const struct disk *d, const struct part *p)
{
	struct node *n;
	char name[24];

	for (size_t i = 0; i < t->count; i++) {
		if (is_part(t->nodes[i], d, p))
			return 0;
	}
	snprintf(name, sizeof(name), "p%" PRIu32, p->number);
	n = add(t, INO_ROOT, NODE_FILE, name);
	if (n == NULL)
		return ENOMEM;
	n->partition = true;
	n->view = d->shown;
	n->view.off += p->off;
	n->view.len = p->len;
	return 0;
}

int tree_partitions(struct tree *t, const struct disk *d,
		    const struct ptable *table,
		    void (*gone)(void *arg, const struct node *n), void *arg)
{
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count; i++) {
		struct node *n = t->nodes[i];

		if (!n->partition || !n->listed || still_there(n, d, table))
			continue;
		n->listed = false;
		if (gone != NULL)
			gone(arg, n);
	}
	drop_unused(t);
	for (size_t i = 0; i < table->count && rc == 0; i++)
		rc = add_part(t, d, &table->parts[i]);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

bool tree_take_grown(struct tree *t, struct tree_grown *out)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count && !found; i++) {
		struct node *n = t->nodes[i];

		found = n->listed && atomic_exchange(&n->grown, false);
		if (found) {
			memcpy(out->name, n->name, sizeof(n->name));
			out->ino = n->ino;
			out->len = n->view.len;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

size_t tree_take_stale(struct tree *t, uint64_t *inos, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count; i++)
		settle(t, t->nodes[i]);
	for (size_t i = 0; i < t->count && n < max; i++) {
		struct node *node = t->nodes[i];

		node->stale |= atomic_exchange(&node->bypassed, false);
		if (!node->stale || node->opens == 0)
			continue;
		inos[n++] = node->ino;
		node->stale = false;
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}
