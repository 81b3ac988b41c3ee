/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks that a server shows: one that runs already, or a qemu-nbd of our own for
 * a file of another program, or for a disk inside of an appliance.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/foreign.h"
#include "common/size.h"
#include "errors.h"
#include "fail.h"
#include "foreign/nbd_uri.h"
#include "foreign/ova.h"
#include "foreign/part_io.h"
#include "foreign/qemu_check.h"
#include "foreign/qemu_graph.h"
#include "foreign/qemu_nbd.h"

/**
 * struct served - what lies below the image
 *
 * @io:   of a server that ran before
 * @q:    a server of our own
 * @part: a disk in an appliance that needs no server
 * @archive: it is an appliance
 */
struct served {
	const char *name;
	struct nbd_io *io;
	struct qemu_nbd q;
	struct qemu_graph graph;
	struct part_io part;
	bool archive;
};

/* The image may consist of files, and lie on others, that QEMU found. */
static bool served_holds(void *more, const struct stat *file)
{
	const struct served *s = more;

	return process_has(&s->q.process, file);
}

/* Says why a server of ours went away; a strange one has said so itself. */
static int served_end(struct cli *cli, void *more)
{
	struct served *s = more;
	struct vhd_error err;

	if (qemu_nbd_failed(&s->q, s->name, &err) &&
	    err.code != VHD_E_CANCELLED)
		cli_warn(cli, s->name, "%s", err.msg);
	qemu_nbd_free(&s->q);
	nbd_io_close(s->io);
	qemu_graph_free(&s->graph);
	if (s->part.fd >= 0)
		close(s->part.fd);
	free(s);
	return CLI_OK;
}

static struct served *served_new(const struct source_how *how)
{
	static const struct qemu_nbd none = QEMU_NBD_NONE;
	struct served *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		s->name = how->name;
		s->q = none;
		s->part.fd = -1;
	}
	return s;
}

/* What a server shows is the disk itself, unless the user knows better. */
static int open_served(const struct source_how *how, const struct served *s,
		       struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_open_opts opts = how->open->opts;
	struct nbd_io *io = s->io != NULL ? s->io : s->q.io;

	if (opts.format == VHD_FORMAT_AUTO)
		opts.format = VHD_FORMAT_RAW;
	return vhd_open_io(&nbd_io_reader, io, how->name, &opts, img_out, err);
}

static int open_uri(const struct source_how *how, struct served *s,
		    struct vhd_image **img_out, struct vhd_error *err)
{
	struct nbd_where where = { .name = how->name, .uri = how->name };
	int rc = nbd_io_open(&where, &s->io, err);

	return rc != 0 ? rc : open_served(how, s, img_out, err);
}

static bool no_lock(const struct source_how *how)
{
	return how->open->opts.flags & VHD_OPEN_NO_LOCK;
}

/*
 * Is it all there?  That is asked first, while its names are there, but a file
 * that cannot be opened at all has a better reason.  While a guest writes to the
 * image, or after it stopped at once, the tables need not agree.
 */
static int check_image(const struct source_how *how, const struct served *s,
		       int rc, const struct vhd_error *err)
{
	if (rc != VHD_E_CORRUPT || !(s->graph.open_end || no_lock(how)))
		return rc;
	cli_warn(how->cli, how->name, "%s", err->msg);
	return 0;
}

/* An image in the file, or all of it, through a qemu-nbd. */
static int open_image(const struct source_how *how, int fd, uint64_t off,
		      uint64_t len, struct served *s,
		      struct vhd_image **img_out, struct vhd_error *err)
{
	struct qemu_source src = {
		.name = how->name,
		.off = off,
		.len = len,
		.follow = how->allow_backing,
		.no_lock = no_lock(how),
	};
	struct qemu_nbd_how q = { .name = how->name };
	struct vhd_error found = { .code = VHD_OK };
	int rc = qemu_graph_source(&src, fd, &s->graph, err), whole;

	if (rc == 0 && how->open->opts.parents != NULL)
		rc = fail(err, VHD_E_INVAL, how->name, 0, "--parent is for VHD "
			  "and VHDX: this image names its parent itself");
	if (rc != 0)
		return rc;
	whole = qemu_check(&s->graph, how->name, &found);
	q.graph = s->graph.text;
	q.fds = s->graph.fds;
	q.fd_count = s->graph.fd_count;
	q.dir = &s->graph.dir;
	rc = qemu_nbd_start(&q, &s->q, err);
	if (rc != 0)
		return rc;
	if (check_image(how, s, whole, &found) != 0) {
		*err = found;
		/* Our own check would not help. */
		if (whole == VHD_E_CORRUPT)
			err->code = VHD_E_IO;
		return err->code;
	}
	return open_served(how, s, img_out, err);
}

/* Which disk?  One that is not there is told of with those that are. */
static const struct ova_disk *choose(const struct source_how *how,
				     const struct ova *ova,
				     struct vhd_error *err)
{
	char list[sizeof(err->msg) - 128], size[SIZE_TEXT];
	size_t used = 0;

	if (how->disk >= 1 && how->disk <= ova->count)
		return &ova->disk[how->disk - 1];
	if (how->disk == 0 && ova->count == 1)
		return &ova->disk[0];
	list[0] = '\0';
	for (unsigned i = 0; i < ova->count && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%u \"%.80s\" (%s)",
			i > 0 ? ", " : "", i + 1, ova->disk[i].file.name,
			size_human(ova->disk[i].file.len, size));
	if (how->disk == 0)
		fail(err, VHD_E_INVAL, how->name, 0, "choose one of its disks "
		     "with --disk: %s", list);
	else
		fail(err, VHD_E_INVAL, how->name, 0, "it has no disk %u, but "
		     "%u: %s", how->disk, ova->count, list);
	return NULL;
}

/* A VHD or VHDX in the archive needs nobody else. */
static int open_part(const struct source_how *how, int fd,
		     const struct ova_disk *disk, struct served *s,
		     struct vhd_image **img_out, struct vhd_error *err)
{
	s->part = (struct part_io){ fd, disk->file.off, disk->file.len };
	return vhd_open_io(&part_io_ops, &s->part, how->name, &how->open->opts,
			   img_out, err);
}

static int open_disk(const struct source_how *how, int fd,
		     const struct ova_disk *disk, struct served *s,
		     struct vhd_image **img_out, struct vhd_error *err)
{
	unsigned char head[512];
	ssize_t n;
	int rc = 0;

	if (!disk->there || disk->file.len == 0)
		rc = fail(err, VHD_E_UNSUPPORTED, how->name, 0, "the file "
			  "\"%s\" that its description names is not in it",
			  disk->file.name);
	else if (disk->packed)
		rc = fail(err, VHD_E_UNSUPPORTED, how->name, 0, "its disk "
			  "\"%s\" is packed as a file: take it out and unpack "
			  "it first", disk->file.name);
	if (rc != 0) {
		close(fd);
		return rc;
	}
	n = pread(fd, head, sizeof(head), (off_t)disk->file.off);
	if (foreign_driver(head, n > 0 ? (size_t)n : 0) == NULL)
		return open_part(how, fd, disk, s, img_out, err);
	return open_image(how, fd, disk->file.off, disk->file.len, s, img_out,
			  err);
}

static int open_ova(const struct source_how *how, int fd, struct served *s,
		    struct vhd_image **img_out, struct vhd_error *err)
{
	struct ova *ova = calloc(1, sizeof(*ova));
	const struct ova_disk *disk = NULL;
	int rc = ova == NULL ? fail_nomem(err)
			     : ova_read(fd, how->name, ova, err);

	if (rc == 0) {
		disk = choose(how, ova, err);
		rc = disk == NULL ? err->code : 0;
	}
	if (rc == 0)
		rc = open_disk(how, fd, disk, s, img_out, err);
	else
		close(fd);
	free(ova);
	return rc;
}

static int open_file(const struct source_how *how, struct served *s,
		     struct vhd_image **img_out, struct vhd_error *err)
{
	unsigned char head[512];
	int fd = open(how->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : -1;

	if (n < 0) {
		fail(err, VHD_E_IO, how->name, errno, "cannot be read: %s",
		     strerror(errno));
		if (fd >= 0)
			close(fd);
		return err->code;
	}
	s->archive = foreign_tar(head, (size_t)n);
	if (s->archive)
		return open_ova(how, fd, s, img_out, err);
	return open_image(how, fd, 0, 0, s, img_out, err);
}

/* Something that QEMU reads, or an archive; the rest has no driver. */
static bool foreign_kind(const struct source_how *how)
{
	unsigned char head[512];
	struct vhd_error err;
	ssize_t n = -1;
	int fd;

	if (how->open->opts.format != VHD_FORMAT_AUTO ||
	    !cli_foreign_parent(how->open, how->name, &err))
		return false;
	fd = open(how->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0) {
		n = pread(fd, head, sizeof(head), 0);
		close(fd);
	}
	return n > 0 && (foreign_driver(head, (size_t)n) != NULL ||
			 foreign_tar(head, (size_t)n));
}

/* The guest of a raw disk may have written what begins like an image. */
static bool named_raw(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && strcasecmp(dot, ".raw") == 0;
}

int source_nbd_open(const struct source_how *how, struct source *src,
		    bool *mine_out)
{
	bool uri = nbd_uri_is(how->name);
	struct vhd_error err = { .code = VHD_OK };
	struct served *s;
	int rc;

	*mine_out = uri || foreign_kind(how);
	if (!*mine_out)
		return CLI_GO;
	if (!uri && named_raw(how->name))
		return error_say(how->cli, how->name, "--source-format raw "
				 "takes the bytes as they are; to have the "
				 "image read, give it another name",
				 "the name is that of a raw disk, the first "
				 "bytes are those of another program's image");
	s = served_new(how);
	if (s == NULL)
		rc = fail_nomem(&err);
	else if (uri)
		rc = open_uri(how, s, &src->img, &err);
	else
		rc = open_file(how, s, &src->img, &err);
	if (rc == 0) {
		src->more = s;
		src->holds = served_holds;
		src->end = served_end;
		src->threads = NBD_THREADS;
		src->archive = s->archive;
		return CLI_GO;
	}
	if (s != NULL)
		served_end(how->cli, s);
	return error_report(how->cli, &err, how->name);
}
