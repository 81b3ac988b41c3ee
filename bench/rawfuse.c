/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a FUSE server can do: what a mounted image costs is measured
 * against this.
 *
 *	rawfuse [-t THREADS] FILE MOUNTPOINT
 *
 * Shows FILE over the regular file MOUNTPOINT, and ends when that is unmounted
 * or on SIGTERM.  It speaks the protocol on /dev/fuse itself, so that no library
 * is measured with it, and mounts by mount(2), for which it has to be root.
 *
 * A request is three calls: read() from the device, pread() or pwrite() on the
 * file, writev() of the answer.  The thread that took a request serves it, and
 * waits for the next in a blocking read(): the kernel wakes one thread for each
 * request, where poll() would wake them all.  A cloned descriptor for each
 * thread, and one write() of an answer put together in memory, gave nothing.
 * Asking for a moment before going to sleep bought a tenth to a third at depth 1
 * on an idle machine, for half as much processor time again; on a busy one it
 * costs more than half of the speed, because it keeps the processor from who asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define IO_MAX (1u << 20)
#define PAGE 4096u
#define THREADS_MAX 16
/* A write's data begin on a page: 80 bytes of headers stand before it. */
#define HEAD ((unsigned)(sizeof(struct fuse_in_header) + \
			 sizeof(struct fuse_write_in)))
#define TTL 86400

struct server {
	int dev, file;
	uint64_t size;
	struct stat st;
};

struct request {
	const struct server *srv;
	const struct fuse_in_header *in;
	const void *arg;
	unsigned char *data;		/* IO_MAX bytes for an answer */
};

/* Where to; only the handler of SIGTERM needs it. */
static const char *mounted_at;

static void die(const char *what)
{
	fprintf(stderr, "rawfuse: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void answer(const struct request *rq, int error, void *data, size_t len)
{
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + len),
		.error = -error,
		.unique = rq->in->unique,
	};
	struct iovec iov[2] = { { &out, sizeof(out) }, { data, len } };

	/* ENOENT: whoever asked was interrupted meanwhile. */
	if (writev(rq->srv->dev, iov, len != 0 ? 2 : 1) < 0 && errno != ENOENT)
		perror("rawfuse: answer");
}

static void serve_init(const struct request *rq)
{
	const struct fuse_init_in *in = rq->arg;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = in->flags & (FUSE_ASYNC_READ | FUSE_ASYNC_DIO |
				      FUSE_BIG_WRITES | FUSE_MAX_PAGES),
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = IO_MAX,
		.max_pages = IO_MAX / PAGE,
		.time_gran = 1,
	};

	answer(rq, 0, &out, sizeof(out));
}

static void serve_attr(const struct request *rq)
{
	const struct server *srv = rq->srv;
	struct fuse_attr_out out = {
		.attr_valid = TTL,
		.attr = {
			.ino = FUSE_ROOT_ID,
			.size = srv->size,
			.blocks = (uint64_t)srv->st.st_blocks,
			.mode = S_IFREG | 0600,
			.nlink = 1,
			.blksize = PAGE,
		},
	};

	answer(rq, 0, &out, sizeof(out));
}

static void serve_open(const struct request *rq)
{
	const struct fuse_open_in *in = rq->arg;
	struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE };

	if (in->flags & O_DIRECT)
		out.open_flags |= FOPEN_DIRECT_IO |
				  FOPEN_PARALLEL_DIRECT_WRITES;
	answer(rq, 0, &out, sizeof(out));
}

static void serve_read(const struct request *rq)
{
	const struct fuse_read_in *in = rq->arg;
	size_t len = in->size < IO_MAX ? in->size : IO_MAX;
	ssize_t n = pread(rq->srv->file, rq->data, len, (off_t)in->offset);

	if (n < 0)
		answer(rq, errno, NULL, 0);
	else
		answer(rq, 0, rq->data, (size_t)n);
}

static void serve_write(const struct request *rq)
{
	const struct fuse_write_in *in = rq->arg;
	struct fuse_write_out out = { 0 };
	ssize_t n;

	if (in->size > rq->srv->size || in->offset > rq->srv->size - in->size) {
		answer(rq, EFBIG, NULL, 0);
		return;
	}
	n = pwrite(rq->srv->file, in + 1, in->size, (off_t)in->offset);
	out.size = (uint32_t)n;
	if (n < 0)
		answer(rq, errno, NULL, 0);
	else
		answer(rq, 0, &out, sizeof(out));
}

static void serve_statfs(const struct request *rq)
{
	struct fuse_statfs_out out = {
		.st = {
			.blocks = rq->srv->size / PAGE,
			.bsize = PAGE,
			.frsize = PAGE,
			.namelen = 255,
		},
	};

	answer(rq, 0, &out, sizeof(out));
}

static void serve(const struct request *rq)
{
	switch (rq->in->opcode) {
	case FUSE_READ:
		serve_read(rq);
		break;
	case FUSE_WRITE:
		serve_write(rq);
		break;
	case FUSE_INIT:
		serve_init(rq);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		serve_attr(rq);
		break;
	case FUSE_OPEN:
		serve_open(rq);
		break;
	case FUSE_STATFS:
		serve_statfs(rq);
		break;
	case FUSE_FSYNC:
		answer(rq, fdatasync(rq->srv->file) != 0 ? errno : 0, NULL, 0);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		answer(rq, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;			/* nobody waits for an answer */
	default:
		answer(rq, ENOSYS, NULL, 0);
	}
}

static void *work(void *arg)
{
	const struct server *srv = arg;
	unsigned char *buf = aligned_alloc(PAGE, 2 * (PAGE + IO_MAX));
	unsigned char *in;

	if (buf == NULL)
		die("memory");
	memset(buf, 0, 2 * (PAGE + IO_MAX));	/* no page faults later */
	in = buf + PAGE - HEAD;
	for (;;) {
		ssize_t n = read(srv->dev, in, HEAD + IO_MAX);
		struct request rq = {
			.srv = srv,
			.in = (const void *)in,
			.arg = in + sizeof(struct fuse_in_header),
			.data = buf + PAGE + IO_MAX,
		};

		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve(&rq);
		else if (n >= 0 || errno == ENODEV)
			break;		/* unmounted */
		else if (errno != EINTR && errno != EAGAIN && errno != ENOENT)
			die("/dev/fuse");
	}
	free(buf);
	return NULL;
}

static void unmount(int signo)
{
	(void)signo;
	umount2(mounted_at, MNT_DETACH);
}

static void mount_here(struct server *srv, const char *file, const char *at)
{
	struct sigaction act = { .sa_handler = unmount };
	char opts[128];

	srv->file = open(file, O_RDWR | O_CLOEXEC);
	if (srv->file < 0 || fstat(srv->file, &srv->st) != 0)
		die(file);
	srv->size = (uint64_t)srv->st.st_size;
	srv->dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (srv->dev < 0)
		die("/dev/fuse");
	snprintf(opts, sizeof(opts),
		 "fd=%d,rootmode=100600,user_id=0,group_id=0,max_read=%u",
		 srv->dev, IO_MAX);
	if (mount("rawfuse", at, "fuse", MS_NOSUID | MS_NODEV, opts) != 0)
		die(at);
	mounted_at = at;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
}

int main(int argc, char **argv)
{
	struct server srv = { .dev = -1, .file = -1 };
	pthread_t thread[THREADS_MAX];
	unsigned long threads = 2;
	int opt;

	while ((opt = getopt(argc, argv, "t:")) == 't')
		threads = strtoul(optarg, NULL, 10);
	if (opt != -1 || argc - optind != 2 || threads < 1 ||
	    threads > THREADS_MAX) {
		fputs("Usage: rawfuse [-t THREADS] FILE MOUNTPOINT\n", stderr);
		return 2;
	}
	mount_here(&srv, argv[optind], argv[optind + 1]);
	for (unsigned long t = 1; t < threads; t++) {
		if (pthread_create(&thread[t], NULL, work, &srv) != 0)
			die("pthread_create");
	}
	work(&srv);
	for (unsigned long t = 1; t < threads; t++)
		pthread_join(thread[t], NULL);
	close(srv.file);
	return 0;
}
