/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads, one connection, and none of them is the connection's own.
 *
 * Whoever has a request hands it to libnbd under the lock and then waits for
 * its answer.  One of those who wait is the poller: it sleeps in poll() without
 * the lock, lets libnbd read and write what the socket takes, and wakes the
 * others after each step; some answer is theirs.  When its own answer has come
 * it leaves, and another becomes the poller.  With one thread that is a plain
 * call, and with several all their requests are under way at once without a
 * hand-over to a thread in the middle.
 *
 * A poller that sleeps looks for input only.  A request that the socket did not
 * take as a whole has to wake it, through an eventfd.
 *
 * A server that is silent is waited for, but not after somebody pressed ^C: then
 * a fifth of a second of silence ends the connection.
 */
#include "foreign/nbd_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fail.h"
#include "foreign/nbd_lib.h"
#include "sigint.h"

enum { PATIENCE_MS = 200, LEAVE_MS = 2000 };

/**
 * struct nbd_link - a connection
 *
 * @polling: somebody is the poller
 * @lost:    nobody calls libnbd for it any more, except to close it
 */
struct nbd_link {
	struct nbd_lib lib;
	struct nbd_handle *nbd;
	pthread_mutex_t lock;
	pthread_cond_t step;
	int kick;
	bool polling;
	bool lost;
};

/* One that waits; libnbd writes to it as long as the link is not lost. */
struct waiter {
	const struct nbd_request *request;
	bool done;
	int error;
};

/* libnbd puts the name of its function in front. */
static const char *reason(const struct nbd_link *link)
{
	const char *text = link->lib.get_error(), *colon;

	if (text == NULL)
		return "no reason was given";
	colon = strncmp(text, "nbd_", 4) == 0 ? strstr(text, ": ") : NULL;
	return colon != NULL ? colon + 2 : text;
}

/* What libnbd says, where it can be said better. */
static int refused(const struct nbd_link *link, const struct nbd_where *where,
		   struct vhd_error *err)
{
	const char *why = reason(link);
	int errnum = link->lib.get_errno();

	if (sigint_seen())
		return fail(err, VHD_E_CANCELLED, where->name, 0, "cancelled");
	if (strncmp(why, "connect", 7) == 0 &&
	    (errnum == ECONNREFUSED || errnum == ENOENT))
		return fail(err, VHD_E_IO, where->name, errnum,
			    "no NBD server listens there (%s)",
			    strerror(errnum));
	if (strstr(why, "server refused TLS") != NULL)
		return fail(err, VHD_E_UNSUPPORTED, where->name, 0,
			    "the NBD server knows no TLS: without encryption "
			    "it is nbd:// or nbd+unix://");
	if (strstr(why, "server has no export named") != NULL)
		return fail(err, VHD_E_IO, where->name, errnum,
			    "the NBD server has no export of that name");
	return fail(err, VHD_E_IO, where->name, errnum,
		    "the NBD server cannot be used: %s", why);
}

/* Lets libnbd do what the socket is ready for. */
static void notify(struct nbd_link *link, unsigned wanted, short events)
{
	if (wanted & LIBNBD_AIO_DIRECTION_READ &&
	    events & (POLLIN | POLLHUP | POLLERR))
		link->lib.aio_notify_read(link->nbd);
	else if (wanted & LIBNBD_AIO_DIRECTION_WRITE &&
		 events & (POLLOUT | POLLHUP | POLLERR))
		link->lib.aio_notify_write(link->nbd);
}

static short poll_events(unsigned wanted)
{
	short events = 0;

	if (wanted & LIBNBD_AIO_DIRECTION_READ)
		events |= POLLIN;
	if (wanted & LIBNBD_AIO_DIRECTION_WRITE)
		events |= POLLOUT;
	return events;
}

static bool is_over(const struct nbd_link *link)
{
	return link->lib.aio_is_dead(link->nbd) != 0 ||
	       link->lib.aio_is_closed(link->nbd) != 0;
}

/* Waits for a step of a connection that one thread alone has. */
static bool step_alone(struct nbd_link *link, int timeout)
{
	unsigned wanted = link->lib.aio_get_direction(link->nbd);
	struct pollfd fd = {
		.fd = link->lib.aio_get_fd(link->nbd),
		.events = poll_events(wanted),
	};
	int n = poll(&fd, 1, timeout);

	if (n > 0)
		notify(link, wanted, fd.revents);
	return n > 0;
}

static int start_connecting(struct nbd_link *link,
			    const struct nbd_where *where, unsigned index)
{
	int sock;

	if (where->uri != NULL)
		return link->lib.aio_connect_uri(link->nbd, where->uri);
	sock = where->socks[index];
	where->socks[index] = -1;
	return link->lib.aio_connect_socket(link->nbd, sock);
}

static int connect_link(struct nbd_link *link, const struct nbd_where *where,
			unsigned index, struct vhd_error *err)
{
	if (start_connecting(link, where, index) != 0)
		return refused(link, where, err);
	while (link->lib.aio_is_ready(link->nbd) == 0) {
		if (is_over(link))
			return refused(link, where, err);
		if (!step_alone(link, PATIENCE_MS) && sigint_seen())
			return refused(link, where, err);
	}
	return 0;
}

static int prepare(struct nbd_link *link, const struct nbd_where *where,
		   struct vhd_error *err)
{
	int rc = nbd_lib_load(&link->lib, err);

	if (rc != 0)
		return rc;
	link->nbd = link->lib.create();
	link->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (link->nbd == NULL || link->kick < 0)
		return fail_nomem(err);
	if (link->lib.add_meta_context(link->nbd,
				       LIBNBD_CONTEXT_BASE_ALLOCATION) != 0 ||
	    link->lib.set_uri_allow_local_file(link->nbd, true) != 0)
		return refused(link, where, err);
	/* A buffer of a read that failed is not looked at. */
	link->lib.set_pread_initialize(link->nbd, false);
	return 0;
}

int nbd_link_open(const struct nbd_where *where, unsigned index,
		  struct nbd_link **link_out, struct vhd_error *err)
{
	struct nbd_link *link = calloc(1, sizeof(*link));
	int rc;

	if (link == NULL)
		return fail_nomem(err);
	pthread_mutex_init(&link->lock, NULL);
	pthread_cond_init(&link->step, NULL);
	link->kick = -1;
	rc = prepare(link, where, err);
	if (rc == 0)
		rc = connect_link(link, where, index, err);
	if (rc != 0) {
		link->lost = true;
		nbd_link_close(link);
		return rc;
	}
	*link_out = link;
	return 0;
}

void nbd_link_facts(struct nbd_link *link, struct nbd_facts *out)
{
	const struct nbd_lib *lib = &link->lib;
	struct nbd_handle *nbd = link->nbd;

	out->size = lib->get_size(nbd);
	out->least = lib->get_block_size(nbd, LIBNBD_SIZE_MINIMUM);
	out->most = lib->get_block_size(nbd, LIBNBD_SIZE_MAXIMUM);
	out->read_only = lib->is_read_only(nbd) == 1;
	out->can_flush = lib->can_flush(nbd) == 1;
	out->can_zero = lib->can_zero(nbd) == 1;
	out->can_share = lib->can_multi_conn(nbd) == 1;
	out->can_tell = lib->can_meta_context(
				nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;
}

static int on_done(void *arg, int *error)
{
	struct waiter *w = arg;

	w->done = true;
	w->error = *error;
	return 1;
}

/* What is not known to be zeros is data, hole or not. */
static void add_run(struct nbd_runs *runs, uint64_t len, bool zero)
{
	struct nbd_run *last = runs->count > 0 ? &runs->run[runs->count - 1]
					       : NULL;
	uint64_t from = last != NULL ? last->end : runs->start;

	if (last != NULL && last->zero == zero)
		last->end += len;
	else if (runs->count < runs->max)
		runs->run[runs->count++] = (struct nbd_run){ from + len, zero };
	else
		runs->full = true;
}

static int on_extents(void *arg, const char *context, uint64_t off,
		      uint32_t *entries, size_t count, int *error)
{
	struct nbd_runs *runs = arg;

	(void)error;
	if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0 ||
	    off != runs->start || runs->count > 0)
		return 0;
	for (size_t i = 0; i + 1 < count && !runs->full; i += 2) {
		if (entries[i] > UINT64_MAX - off)
			break;
		off += entries[i];
		if (entries[i] > 0)
			add_run(runs, entries[i],
				entries[i + 1] & LIBNBD_STATE_ZERO);
	}
	return 0;
}

/* Hands the request to libnbd; false when that fails. */
static bool submit(struct nbd_link *link, struct waiter *w)
{
	const struct nbd_request *r = w->request;
	nbd_completion_callback done = { .callback = on_done, .user_data = w };
	nbd_extent_callback extents = {
		.callback = on_extents,
		.user_data = r->runs,
	};
	int64_t cookie = -1;

	switch (r->op) {
	case NBD_OP_READ:
		cookie = link->lib.aio_pread(link->nbd, r->buf, r->len, r->off, done,
				       0);
		break;
	case NBD_OP_WRITE:
		cookie = link->lib.aio_pwrite(link->nbd, r->buf, r->len, r->off,
					done, 0);
		break;
	case NBD_OP_ZERO:
		cookie = link->lib.aio_zero(link->nbd, r->len, r->off, done,
				      LIBNBD_CMD_FLAG_NO_HOLE);
		break;
	case NBD_OP_PUNCH:
		cookie = link->lib.aio_zero(link->nbd, r->len, r->off, done, 0);
		break;
	case NBD_OP_FLUSH:
		cookie = link->lib.aio_flush(link->nbd, done, 0);
		break;
	case NBD_OP_STATUS:
		cookie = link->lib.aio_block_status(link->nbd, r->len, r->off,
					      extents, done, 0);
		break;
	}
	return cookie >= 0;
}

/* As the poller: sleeps without the lock, then lets libnbd work. */
static void poll_once(struct nbd_link *link)
{
	unsigned wanted = link->lib.aio_get_direction(link->nbd);
	struct pollfd fds[2] = {
		{ .fd = link->lib.aio_get_fd(link->nbd),
		  .events = poll_events(wanted) },
		{ .fd = link->kick, .events = POLLIN },
	};
	uint64_t count;
	int n;

	pthread_mutex_unlock(&link->lock);
	n = poll(fds, 2, PATIENCE_MS);
	pthread_mutex_lock(&link->lock);
	if (n > 0 && fds[1].revents != 0)
		(void)!read(link->kick, &count, sizeof(count));
	/* Others may have submitted meanwhile: ask again what is wanted. */
	if (n > 0)
		notify(link, link->lib.aio_get_direction(link->nbd),
		       fds[0].revents);
	if (is_over(link) || (n == 0 && sigint_seen()))
		link->lost = true;
}

static void wait_for(struct nbd_link *link, const struct waiter *w)
{
	while (!w->done && !link->lost) {
		if (link->polling) {
			pthread_cond_wait(&link->step, &link->lock);
			continue;
		}
		link->polling = true;
		poll_once(link);
		link->polling = false;
		pthread_cond_broadcast(&link->step);
	}
}

/* The poller does not know yet that something waits to be sent. */
static void wake_poller(struct nbd_link *link)
{
	uint64_t one = 1;

	if (link->polling && link->lib.aio_get_direction(link->nbd) &
				     LIBNBD_AIO_DIRECTION_WRITE)
		(void)!write(link->kick, &one, sizeof(one));
}

static int result_of(const struct nbd_link *link, const struct waiter *w)
{
	if (!w->done)
		return sigint_seen() ? -ECANCELED : -ECONNRESET;
	if (link->lost && (w->error == ENOTCONN || w->error == ESHUTDOWN))
		return -ECONNRESET;
	return -w->error;
}

/* Why libnbd did not even take the request. */
static int not_taken(const struct nbd_link *link)
{
	int errnum = link->lib.get_errno();

	return errnum > 0 ? -errnum : -EIO;
}

int nbd_link_run(struct nbd_link *link, const struct nbd_request *request)
{
	struct waiter w = { .request = request };
	int rc = 0;

	pthread_mutex_lock(&link->lock);
	if (!link->lost && !submit(link, &w)) {
		rc = not_taken(link);
	} else if (!link->lost) {
		wake_poller(link);
		wait_for(link, &w);
	}
	/* That the server is gone may show in the midst of any call. */
	if (is_over(link))
		link->lost = true;
	if (link->lost || rc == 0)
		rc = result_of(link, &w);
	pthread_mutex_unlock(&link->lock);
	return rc;
}

bool nbd_link_lost(struct nbd_link *link)
{
	bool lost;

	pthread_mutex_lock(&link->lock);
	lost = link->lost;
	pthread_mutex_unlock(&link->lock);
	return lost;
}

/* The server answers by closing its end; one that does not is left. */
static void take_leave(struct nbd_link *link)
{
	if (link->lib.aio_disconnect(link->nbd, 0) != 0)
		return;
	while (!is_over(link)) {
		if (!step_alone(link, LEAVE_MS))
			return;
	}
}

void nbd_link_close(struct nbd_link *link)
{
	if (link == NULL)
		return;
	if (!link->lost)
		take_leave(link);
	if (link->nbd != NULL)
		link->lib.close(link->nbd);
	if (link->kick >= 0)
		close(link->kick);
	pthread_cond_destroy(&link->step);
	pthread_mutex_destroy(&link->lock);
	free(link);
}
