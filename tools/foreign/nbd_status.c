/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A question about a long range costs a server little when there is little to
 * tell, and much when its disk is in shreds: then most of the answer would not
 * be kept and had to be made again.  So the range grows while answers are
 * kept whole, and falls back to what was kept when one was not.
 */
#include "foreign/nbd_status.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_ASK = 64 << 20 };
/* Lengths are 32 bits wide in the protocol. */
#define LONGEST_ASK ((uint64_t)2 << 30)

struct nbd_status *nbd_status_new(struct nbd_link *link, uint64_t size,
				  uint64_t align)
{
	struct nbd_status *s = calloc(1, sizeof(*s));
	struct nbd_facts facts;

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->link = link;
	s->size = size;
	s->align = align;
	s->ask = FIRST_ASK;
	s->runs.run = s->run;
	s->runs.max = NBD_STATUS_RUNS;
	nbd_link_facts(link, &facts);
	s->can_tell = facts.can_tell;
	return s;
}

void nbd_status_free(struct nbd_status *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/*
 * After an answer about @off: how far it reaches, what to ask next.  A server
 * that does not answer what it was asked cannot tell.
 */
static int take_answer(struct nbd_status *s, uint64_t off)
{
	if (s->runs.count == 0)
		return -EOPNOTSUPP;
	s->known = s->run[s->runs.count - 1].end;
	if (s->known > s->size)
		s->known = s->run[s->runs.count - 1].end = s->size;
	if (s->known <= off)
		return -EOPNOTSUPP;
	if (s->runs.full)
		s->ask = s->known - s->runs.start;
	else
		s->ask *= 2;
	if (s->ask > LONGEST_ASK)
		s->ask = LONGEST_ASK;
	return 0;
}

static int ask(struct nbd_status *s, uint64_t off)
{
	struct nbd_request r = { .op = NBD_OP_STATUS, .runs = &s->runs };
	int rc;

	r.off = off - off % s->align;
	r.len = s->size - r.off;
	if (r.len > s->ask)
		r.len = s->ask < s->align ? s->align : s->ask - s->ask % s->align;
	s->runs.start = r.off;
	s->runs.count = 0;
	s->runs.full = false;
	s->known = r.off;
	rc = nbd_link_run(s->link, &r);
	/* What a server cannot tell or does not like to. */
	if (rc == -EINVAL || rc == -ENOTSUP || rc == -ENOSYS || rc == -EPERM)
		return -EOPNOTSUPP;
	return rc != 0 ? rc : take_answer(s, off);
}

/* The run that holds @off, which is known. */
static size_t find_run(const struct nbd_status *s, uint64_t off)
{
	size_t low = 0, high = s->runs.count - 1;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->run[mid].end > off)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static int look(struct nbd_status *s, uint64_t off, uint64_t *start_out,
		uint64_t *end_out)
{
	while (off < s->size) {
		size_t i;
		int rc = 0;

		if (off < s->runs.start || off >= s->known)
			rc = ask(s, off);
		if (rc != 0)
			return rc;
		i = find_run(s, off);
		if (!s->run[i].zero) {
			*start_out = off;
			*end_out = s->run[i].end;
			return 0;
		}
		off = s->run[i].end;
	}
	return -ENXIO;
}

int nbd_status_next_data(struct nbd_status *s, uint64_t off,
			 uint64_t *start_out, uint64_t *end_out)
{
	int rc;

	if (!s->can_tell)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&s->lock);
	rc = look(s, off, start_out, end_out);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void nbd_status_forget(struct nbd_status *s)
{
	pthread_mutex_lock(&s->lock);
	s->known = s->runs.start;
	pthread_mutex_unlock(&s->lock);
}
