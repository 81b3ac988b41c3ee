/* SPDX-License-Identifier: BSD-2-Clause */
#include "kill_child.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <vhd/vhd.h>

#include "kill_clock.h"

/* @done: the last operation of each thread that was acknowledged */
struct child {
	struct vhd_image *img;
	const struct load *load;
	int fd;
	_Atomic uint64_t done[THREADS_MAX];
};

struct child_thread {
	struct child *child;
	uint32_t number;
};

static void say(const struct child *c, const struct report *r)
{
	if (write(c->fd, r, sizeof(*r)) != (ssize_t)sizeof(*r))
		_exit(4);
}

_Noreturn static void fail(const struct child *c, const char *what,
			   const struct vhd_error *err)
{
	struct report r = { .word = WORD_FAILED };

	fprintf(stderr, "%s: %s: %s\n", what, err->file, err->msg);
	fflush(stderr);
	if (c->fd >= 0)
		say(c, &r);
	_exit(3);
}

static void make(struct child *c, const struct op *op, uint64_t n, uint8_t *buf)
{
	struct vhd_error err = { .code = VHD_OK };
	uint64_t off = op->first * SECTOR, len = op->count * SECTOR;
	int rc = 0;

	switch (op->kind) {
	case OP_WRITE:
		for (uint64_t i = 0; i < op->count; i++)
			load_stamp(c->load, n, op->first + i, buf + i * SECTOR);
		rc = vhd_pwrite(c->img, buf, (size_t)len, off, &err);
		break;
	case OP_ZERO:
		rc = vhd_write_zeroes(c->img, off, len, 0, &err);
		break;
	case OP_DISCARD:
		rc = vhd_discard(c->img, off, len, &err);
		break;
	}
	if (rc != 0)
		fail(c, "operation", &err);
}

static uint8_t *new_buffer(void)
{
	uint8_t *buf = malloc((size_t)OP_SECTORS_MAX * SECTOR);

	if (buf == NULL)
		_exit(5);
	return buf;
}

static void *write_thread(void *arg)
{
	const struct child_thread *t = arg;
	struct child *c = t->child;
	uint8_t *buf = new_buffer();

	for (uint64_t n = 1;; n++) {
		struct op op = load_op(c->load, t->number, n);
		struct report r = { .word = WORD_DONE, .thread = t->number };

		make(c, &op, n, buf);
		r.n[t->number] = n;
		say(c, &r);
		atomic_store(&c->done[t->number], n);
		while (n == c->load->burst)
			pause();
	}
	return NULL;
}

static void *tick_thread(void *arg)
{
	const struct child *c = arg;
	const struct report r = { .word = WORD_TICK };

	for (;;) {
		clock_tick();
		say(c, &r);
	}
	return NULL;
}

_Noreturn static void flush_loop(struct child *c, uint32_t flush_ms)
{
	for (;;) {
		struct report r = { .word = WORD_FLUSHED };
		struct vhd_error err;

		if (flush_ms == 0) {
			pause();
			continue;
		}
		usleep(flush_ms * 1000);
		for (uint32_t i = 0; i < THREADS_MAX; i++)
			r.n[i] = atomic_load(&c->done[i]);
		if (vhd_flush(c->img, &err) != 0)
			fail(c, "flush", &err);
		say(c, &r);
	}
}

static void open_image(struct child *c, const char *path, uint32_t flags)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_error err;

	opts.flags = VHD_OPEN_RDWR | flags;
	if (vhd_open(path, &opts, &c->img, &err) != 0)
		fail(c, "open", &err);
}

_Noreturn void kill_child(const char *path, const struct load *load,
			  uint32_t flush_ms, int pipe_fd)
{
	static struct child child;
	static struct child_thread threads[THREADS_MAX];
	const struct report r = { .word = WORD_OPENED };
	pthread_t ticks;

	child.load = load;
	child.fd = pipe_fd;
	open_image(&child, path, VHD_OPEN_THREAD);
	say(&child, &r);
	if (pthread_create(&ticks, NULL, tick_thread, &child))
		_exit(5);
	for (uint32_t i = 0; i < load->threads; i++) {
		pthread_t thread;

		threads[i].child = &child;
		threads[i].number = i;
		if (pthread_create(&thread, NULL, write_thread, &threads[i]))
			_exit(5);
	}
	flush_loop(&child, flush_ms);
}

_Noreturn void dirty_child(const char *path, const struct load *load,
			   uint64_t ops, uint64_t flush_every)
{
	struct child c = { .load = load, .fd = -1 };
	struct vhd_error err;
	uint8_t *buf = new_buffer();

	open_image(&c, path, 0);
	for (uint64_t n = 1; n <= ops; n++) {
		struct op op = load_op(load, 0, n);

		make(&c, &op, n, buf);
		if ((n % flush_every == 0 || n == ops) &&
		    vhd_flush(c.img, &err) != 0)
			fail(&c, "flush", &err);
	}
	_exit(0);
}
