/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A socket that nobody else can reach, and that nobody has to tidy up.
 *
 * The socket is bound in a folder of our own, our connections to it are made,
 * and then the folder is removed again: all before qemu-nbd exists, which
 * inherits the listening socket and finds us waiting.  There is no name left that
 * a kill could leave behind, and none under which others could connect.  When we
 * are gone so are the connections, and qemu-nbd ends with the last of them; that
 * it is killed with us anyway (process.c) covers the time before the first.
 *
 * The image reaches it as an open descriptor.  So it reads the very file that
 * was looked at, and no name has to be spelt in QEMU's syntax.
 */
#include "foreign/qemu_nbd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fail.h"
#include "sigint.h"

enum { SOCKETS = 4, TO_DIE_MS = 3000 };

static void close_all(int *socks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (socks[i] >= 0)
			close(socks[i]);
		socks[i] = -1;
	}
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Returns the listening socket or -1; @socks are connected to it. */
static int bind_and_connect(const struct private_dir *dir, int *socks)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct sockaddr *to = (const struct sockaddr *)&addr;
	/* High: a program gets it beside its own three. */
	int listener = process_fd(new_socket());

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir->path);
	if (listener < 0 || bind(listener, to, sizeof(addr)) != 0 ||
	    listen(listener, SOCKETS) != 0)
		goto failed;
	for (unsigned i = 0; i < SOCKETS; i++) {
		socks[i] = new_socket();
		if (socks[i] < 0 || connect(socks[i], to, sizeof(addr)) != 0)
			goto failed;
	}
	return listener;
failed:
	if (listener >= 0)
		close(listener);
	close_all(socks, SOCKETS);
	return -1;
}

static int make_sockets(int *socks, int *listener_out, struct vhd_error *err)
{
	struct private_dir dir;
	int rc = private_dir_make(&dir, err);

	if (rc != 0)
		return rc;
	*listener_out = bind_and_connect(&dir, socks);
	if (*listener_out < 0)
		rc = fail(err, VHD_E_IO, dir.path, errno,
			  "no socket can be made there: %s", strerror(errno));
	private_dir_remove(&dir);
	return rc;
}

/*
 * It takes and frees a buffer for each request.  Left alone, glibc gets large ones
 * from the system and gives them back each time, and all their pages are faulted in
 * and cleared again: writing took a quarter more processor time.  As many as are
 * under way at once are kept.  Other C libraries do not look at this.
 */
static const char *const keep_buffers[] = {
	"MALLOC_MMAP_THRESHOLD_=33554432",
	"MALLOC_TRIM_THRESHOLD_=134217728",
	"MALLOC_TOP_PAD_=16777216",
	NULL
};

static int start(const struct qemu_nbd_how *how, int listener,
		 struct process *p, struct vhd_error *err)
{
	const char *const argv[] = {
		"qemu-nbd", "--shared=4", "--discard=unmap",
		"--detect-zeroes=off",
		how->durable ? "--cache=writeback" : "--cache=unsafe",
		how->graph,
		how->writable ? NULL : "--read-only",
		NULL
	};
	struct process_how what = {
		.argv = argv,
		.fds = how->fds,
		.fd_count = how->fd_count,
		.env = keep_buffers,
		.listen = listener,
		.dir = how->dir != NULL && how->dir->path[0] != '\0' ?
			       how->dir->path : NULL,
	};

	return process_start(&what, p, err);
}

/* It went, or let us down: what did it say? */
static int explain(struct qemu_nbd *q, const char *name,
		   struct vhd_error *err)
{
	char text[PROCESS_WORDS];
	int status;

	if (sigint_seen())
		return fail(err, VHD_E_CANCELLED, name, 0, "cancelled");
	if (!process_ends(&q->process, TO_DIE_MS))
		process_kill(&q->process);
	status = process_wait(&q->process);
	process_said(&q->process, text);
	if (strstr(text, "another process using") != NULL)
		return fail(err, VHD_E_BUSY, name, 0,
			    "another program has the file open");
	if (text[0] != '\0')
		return fail(err, VHD_E_IO, name, 0, "qemu-nbd says: %s", text);
	if (status < 0)
		return fail(err, VHD_E_IO, name, 0,
			    "qemu-nbd was ended by signal %d", -status);
	return fail(err, VHD_E_IO, name, 0,
		    "qemu-nbd ended with status %d and said nothing", status);
}

int qemu_nbd_start(const struct qemu_nbd_how *how, struct qemu_nbd *q,
		   struct vhd_error *err)
{
	int socks[SOCKETS] = { -1, -1, -1, -1 }, listener = -1;
	struct nbd_where where = {
		.name = how->name, .socks = socks, .count = SOCKETS,
	};
	int rc = make_sockets(socks, &listener, err);

	if (rc == 0)
		rc = start(how, listener, &q->process, err);
	/* Only where nobody listens any more is an end noticed. */
	if (listener >= 0)
		close(listener);
	if (rc == 0 && nbd_io_open(&where, &q->io, err) != 0)
		rc = explain(q, how->name, err);
	close_all(socks, SOCKETS);
	if (how->dir != NULL)
		private_dir_remove(how->dir);
	if (rc != 0)
		qemu_nbd_free(q);
	return rc;
}

int qemu_nbd_finish(struct qemu_nbd *q, const char *name,
		    struct vhd_error *err)
{
	char text[PROCESS_WORDS];
	int status;

	nbd_io_close(q->io);
	q->io = NULL;
	status = process_wait(&q->process);
	if (status == 0)
		return 0;
	if (sigint_seen())
		return fail(err, VHD_E_CANCELLED, name, 0, "cancelled");
	if (status < 0)
		return fail(err, VHD_E_IO, name, 0,
			    "qemu-nbd was ended by signal %d", -status);
	return fail(err, VHD_E_IO, name, 0, "qemu-nbd ended with status %d: %s",
		    status, process_said(&q->process, text));
}

bool qemu_nbd_failed(struct qemu_nbd *q, const char *name,
		     struct vhd_error *err)
{
	if (q->io == NULL || !nbd_io_lost(q->io))
		return false;
	explain(q, name, err);
	return true;
}

void qemu_nbd_free(struct qemu_nbd *q)
{
	/* Killed first, it need not be taken leave of. */
	process_kill(&q->process);
	nbd_io_close(q->io);
	q->io = NULL;
	process_free(&q->process);
}
