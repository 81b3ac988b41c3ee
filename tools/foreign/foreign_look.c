/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stranger's image may say that its disk goes on in /etc/shadow, and whoever
 * opens it would copy that.  So headers are read here first, a few fields of
 * each format, with no more trust than any other file gets.  What is not
 * understood is left to QEMU, which is told (qemu_graph.c) to open nothing but
 * what it is handed.
 */
#include "foreign/foreign_look.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/foreign.h"
#include "fail.h"
#include "foreign/vmdk_text.h"

enum { HEAD = 512, SECTOR = 512 };

/**
 * struct piece - the bytes that are looked at
 *
 * @head: the first of them, zeros where there are none
 */
struct piece {
	int fd;
	uint64_t off, len;
	unsigned char head[HEAD];
	size_t have;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const unsigned char *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static uint64_t le64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/* As many of @len bytes at @at as there are. */
static size_t read_some(const struct piece *piece, void *buf, size_t len,
			uint64_t at)
{
	ssize_t n;

	if (at >= piece->len)
		return 0;
	if (len > piece->len - at)
		len = (size_t)(piece->len - at);
	n = pread(piece->fd, buf, len, (off_t)(piece->off + at));
	return n > 0 ? (size_t)n : 0;
}

/* The name of a backing file, which the header has somewhere in the file. */
static void read_name(const struct piece *piece, uint64_t at, uint64_t len,
		      struct foreign_look *out)
{
	size_t room = sizeof(out->other) - 1, n;

	out->outside = true;
	n = read_some(piece, out->other, len < room ? (size_t)len : room, at);
	out->other[n] = '\0';
}

static void look_qcow(const struct piece *p, struct foreign_look *out)
{
	bool two = be32(p->head + 4) >= 2;
	uint64_t features = be32(p->head + 4) >= 3 ? be64(p->head + 72) : 0;

	out->driver = two ? "qcow2" : "qcow";
	out->encrypted = be32(p->head + (two ? 32 : 36)) != 0;
	/* Incompatible features: 0, its counts of references may be old; 2, the
	 * data is in a file of its own. */
	out->dirty = features & 1;
	out->elsewhere = features & 4;
	if (be64(p->head + 8) != 0)
		read_name(p, be64(p->head + 8), be32(p->head + 16), out);
	else if (out->elsewhere)
		out->outside = true;
}

static void look_qed(const struct piece *p, struct foreign_look *out)
{
	out->outside = p->head[16] & 1;
}

/* The text inside of a sparse VMDK, at the sector that its header names. */
static void look_vmdk(const struct piece *p, struct foreign_look *out)
{
	char text[VMDK_TEXT_MOST];
	uint64_t sector = le64(p->head + 28);
	size_t n;

	/* Without a capacity QEMU takes it for a text that names files. */
	if (le64(p->head + 12) == 0)
		out->outside = out->elsewhere = true;
	if (sector == 0 || sector > p->len / SECTOR)
		return;
	n = read_some(p, text, sizeof(text) - 1, sector * SECTOR);
	text[n] = '\0';
	if (vmdk_text_parent(text, out->other, sizeof(out->other)))
		out->outside = true;
}

int foreign_look(int fd, uint64_t off, uint64_t len, const char *name,
		 struct foreign_look *out, struct vhd_error *err)
{
	struct piece p = { .fd = fd, .off = off, .len = len };
	ssize_t n;

	memset(out, 0, sizeof(*out));
	n = pread(fd, p.head, len < HEAD ? (size_t)len : HEAD, (off_t)off);
	if (n < 0)
		return fail(err, VHD_E_IO, name, errno, "cannot be read: %s",
			    strerror(errno));
	p.have = (size_t)n;
	out->driver = foreign_driver(p.head, p.have);
	if (out->driver == NULL)
		return 0;
	if (strcmp(out->driver, "qcow2") == 0)
		look_qcow(&p, out);
	else if (strcmp(out->driver, "qed") == 0)
		look_qed(&p, out);
	else if (memcmp(p.head, "KDMV", 4) == 0)
		look_vmdk(&p, out);
	else if (p.head[0] == '#')
		out->descriptor = true;
	return 0;
}
