/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_JOURNAL_H
#define TESTS_CRASH_CRASH_JOURNAL_H

/*
 * An image and the journal of its resize, in memory, with one history of what was
 * done to both.
 */

#include "crash/crash_trace.h"
#include "xen/xen_resize.h"

enum { IMAGE, JOURNAL, FILES };

/* A journal in a file has a name at last, or none any more. */
enum event_kind { EVENT_OP, EVENT_NAMED, EVENT_DROPPED };

struct event {
	enum event_kind kind;
	int file;
	struct crash_op op;
};

struct history {
	struct event *event;
	size_t count;
};

/* One of the two files; @h is NULL when nobody writes its history. */
struct tap {
	struct crash_file *f;
	struct history *h;
	int file;
	uint64_t *left;		/* the call after so many fails; may be NULL */
};

extern const struct vhd_io_ops tap_ops;
struct vhd_io *tap_io(struct tap *t);
void history_free(struct history *h);

/* Where a resize has its journal. */
struct tap_place {
	struct tap *tap;
	struct vhd_io *io;	/* to be closed when all is over */
	bool device;
	bool kept, dropped;
};
extern const struct xen_journal_place tap_place_ops;

/* The status of reverting; @f are image and journal. */
int tap_revert(struct crash_file *const f[FILES], struct history *h,
	       struct vhd_error *err);

/* crash_journal_damage.c: an image in the middle of its resize. */
struct damage_scene {
	uint64_t rng;
	struct crash_base *image, *journal, *before;
	uint64_t count, refused;	/* of damages */
	struct crash_failure *fail;
};

/* Reverts by a journal that was damaged in many ways, each alone. */
bool journal_damages(struct damage_scene *s);

/* The same bytes? */
bool same_bytes(struct crash_file *f, struct crash_base *b);

#endif
