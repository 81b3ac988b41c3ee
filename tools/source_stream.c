/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources that come front to back: standard input, a pipe with a name, and files
 * that are packed with gzip.
 *
 * Standard input that is a file is opened as one.  Whether bytes are packed says
 * their beginning, not their name; but who names the format of the source and
 * not .gz means the bytes as they are, whatever a guest wrote first on its disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/foreign.h"
#include "errors.h"
#include "fd_in.h"
#include "gz_in.h"
#include "source.h"

struct stream_in {
	const struct source_how *how;	/* while it is opened */
	int fd;
	bool own_fd;
	const char *name;
	struct fd_in bytes;
	struct gz_in *gz;	/* or NULL */
	struct fd_in content;	/* what the image is made of */
};

static const char *why(void *arg)
{
	const struct stream_in *s = arg;

	return s->gz != NULL ? gz_in_why(s->gz) : NULL;
}

static int64_t read_content(void *arg, void *buf, size_t len)
{
	struct stream_in *s = arg;

	return fd_in_read(&s->content, buf, len);
}

static void storing(void *arg, const char *reason)
{
	const struct stream_in *s = arg;
	const char *dir = s->how->spool_dir;

	cli_warn(s->how->cli, s->name, "%s: it is first stored in a temporary "
		 "file in %s%s", reason,
		 strcmp(dir, ".") == 0 ? "this folder" : dir,
		 strstr(reason, "size is not known") != NULL
			 ? "; with --size SIZE it need not be" : "");
}

static void stream_free(struct stream_in *s)
{
	if (s == NULL)
		return;
	gz_in_free(s->gz);
	if (s->own_fd)
		close(s->fd);
	free(s);
}

static int stream_end(struct cli *cli, void *more)
{
	struct stream_in *s = more;

	if (s->gz != NULL && gz_in_trailing(s->gz))
		cli_warn(cli, s->name, "what follows the gzip data is no gzip "
			 "and was left out");
	stream_free(s);
	return CLI_OK;
}

static bool ends_gz(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && strcasecmp(name + len - 3, ".gz") == 0;
}

/* The bytes are meant as they are. */
static bool as_they_are(const struct source_how *how)
{
	return how->open->opts.format != VHD_FORMAT_AUTO &&
	       !ends_gz(how->name);
}

/* May what is no image be a raw disk?  disk.vhd.gz promises an image. */
static bool may_be_raw(const char *name)
{
	char *inner = strdup(name);
	bool raw;

	if (inner == NULL)
		return false;
	if (ends_gz(inner))
		inner[strlen(inner) - 3] = '\0';
	raw = !cli_named_as_image(inner);
	free(inner);
	return raw;
}

static void fail_read(struct stream_in *s, int64_t rc, struct vhd_error *err)
{
	const char *text = why(s);

	memset(err, 0, sizeof(*err));
	err->off = VHD_NO_OFFSET;
	err->code = rc == -EINTR ? VHD_E_CANCELLED : VHD_E_IO;
	err->os_errno = (int)-rc;
	snprintf(err->msg, sizeof(err->msg), "%s", rc == -EINTR ? "cancelled" :
		 text != NULL ? text : strerror((int)-rc));
}

static bool check_foreign(const struct source_how *how, struct stream_in *s,
			  struct vhd_error *err)
{
	const unsigned char *head;
	int64_t n = fd_in_peek(&s->content, &head, FD_IN_HEAD);

	if (n < 0) {
		fail_read(s, n, err);
		return false;
	}
	return how->open->opts.format != VHD_FORMAT_AUTO ||
	       !foreign_bytes(head, (size_t)n, s->name, err);
}

/* Puts the unpacker in between, if it is needed. */
static bool find_content(const struct source_how *how, struct stream_in *s,
			 struct vhd_error *err)
{
	const unsigned char *head;
	int64_t n;

	fd_in_begin(&s->bytes, &s->fd);
	fd_in_over(&s->content, fd_in_read, &s->bytes);
	n = fd_in_peek(&s->bytes, &head, GZ_IN_MARK);
	if (n < 0) {
		fail_read(s, n, err);
		return false;
	}
	if (as_they_are(how) || !gz_in_is(head, (size_t)n))
		return true;
	s->gz = gz_in_new(&s->bytes);
	fd_in_over(&s->content, gz_in_read, s->gz);
	if (s->gz == NULL)
		fail_read(s, -ENOMEM, err);
	return s->gz != NULL;
}

/* Another program's image has to be a file; what is packed otherwise need not. */
static const char *foreign_hint(const struct stream_in *s,
				const struct vhd_error *err)
{
	if (strstr(err->msg, "packed") != NULL)
		return "unpack it on its way here: zstd -dc FILE | vhd-util "
		       "convert - DST, or whatever unpacks it";
	if (s->gz != NULL && s->own_fd)
		return "unpack it first with gzip -dk, and convert the file "
		       "that comes out; with --source-format raw it is a raw "
		       "disk";
	return "store it in a file first, and convert that; with "
	       "--source-format raw it is a raw disk";
}

static int say_why(const struct source_how *how, const struct stream_in *s,
		   const struct vhd_error *err)
{
	if (foreign_way(err) != NULL)
		return error_say(how->cli, s->name, foreign_hint(s, err), "%s",
				 err->msg);
	if (err->code == VHD_E_NOSPACE)
		return error_say(how->cli, s->name, "the temporary file is made "
				 "beside the target, or in $TMPDIR when that is "
				 "no file: name a place with more room; a raw "
				 "disk needs none when --size says how large "
				 "it is", "%s", err->msg);
	if (err->code == VHD_E_PARENT && err->os_errno == 0 &&
	    how->open->opts.parents == NULL)
		return error_say(how->cli, s->name, "name the parent with "
				 "--parent FILE", "%s", err->msg);
	return error_report(how->cli, err, s->name);
}

static int open_image(const struct source_how *how, struct stream_in *s,
		      struct source *src)
{
	struct vhd_stream stream = VHD_STREAM_INIT;
	struct vhd_error err = { .code = VHD_OK };

	if (how->open->opts.format == VHD_FORMAT_AUTO && may_be_raw(how->name))
		how->open->opts.flags |= VHD_OPEN_ALLOW_RAW;
	stream.flags = (how->again ? VHD_STREAM_STORE : 0) |
		       (how->in_order ? VHD_STREAM_IN_ORDER : 0);
	stream.read = read_content;
	stream.arg = s;
	stream.why = why;
	stream.name = s->name;
	stream.spool_dir = how->spool_dir;
	stream.disk_size = how->disk_size;
	stream.storing = storing;
	if (!find_content(how, s, &err) || !check_foreign(how, s, &err) ||
	    cli_open_stream(how->open, &stream, &src->img, &err) != 0) {
		int status = say_why(how, s, &err);

		stream_free(s);
		return status;
	}
	src->more = s;
	src->end = stream_end;
	src->stream = true;
	return CLI_GO;
}

static int open_fd(const struct source_how *how, int fd, bool own,
		   struct source *src)
{
	struct stream_in *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		if (own)
			close(fd);
		return error_say(how->cli, how->name, NULL, "out of memory");
	}
	s->how = how;
	s->fd = fd;
	s->own_fd = own;
	s->name = own ? how->name : "standard input";
	return open_image(how, s, src);
}

static bool is_packed(const struct source_how *how, int fd)
{
	unsigned char head[GZ_IN_MARK];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	return !as_they_are(how) && n > 0 && gz_in_is(head, (size_t)n);
}

/* The name of the file behind standard input, so that parents beside it are
 * found; a file that has lost its name is opened through the descriptor. */
static void file_name(const struct stat *st, char *name, size_t room)
{
	static const char proc[] = "/proc/self/fd/0";
	ssize_t n = readlink(proc, name, room - 1);
	struct stat other;

	if (n > 0) {
		name[n] = '\0';
		if (stat(name, &other) == 0 && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			return;
	}
	snprintf(name, room, "%s", proc);
}

static int open_stdin_file(const struct source_how *how, const struct stat *st,
			   struct source *src)
{
	struct vhd_error err = { .code = VHD_OK };
	char name[4096];

	file_name(st, name, sizeof(name));
	if (how->open->opts.format == VHD_FORMAT_AUTO && cli_guess_raw(name))
		how->open->opts.flags |= VHD_OPEN_ALLOW_RAW;
	if (cli_open_image(how->open, name, &src->img, &err) != 0)
		return error_report(how->cli, &err, name);
	return CLI_GO;
}

static int open_stdin(const struct source_how *how, struct source *src)
{
	struct stat st;

	if (isatty(STDIN_FILENO) == 1)
		return cli_usage(how->cli, "standard input is a terminal: the "
				 "bytes have to come from a pipe or a file");
	if (fstat(STDIN_FILENO, &st) != 0)
		return error_say(how->cli, "standard input", NULL, "%s",
				 strerror(errno));
	if ((S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) &&
	    lseek(STDIN_FILENO, 0, SEEK_CUR) == 0 &&
	    !is_packed(how, STDIN_FILENO))
		return open_stdin_file(how, &st, src);
	return open_fd(how, STDIN_FILENO, false, src);
}

/*
 * A pipe that is there already, as a shell's <(...) gives it, or /dev/stdin.  A
 * FIFO with a name would wait for a writer who may never come: that one is for
 * "-".
 */
static bool is_open_pipe(const char *name, const struct stat *st)
{
	struct stat in;
	char text[8];

	if (fstat(STDIN_FILENO, &in) == 0 && in.st_dev == st->st_dev &&
	    in.st_ino == st->st_ino)
		return true;
	return readlink(name, text, sizeof(text)) >= 6 &&
	       memcmp(text, "pipe:[", 6) == 0;
}

/* A descriptor of what has to be read front to back, or -1. */
static int open_packed(const struct source_how *how)
{
	struct stat st;
	int fd;

	if (stat(how->name, &st) != 0)
		return -1;
	if (S_ISFIFO(st.st_mode))
		return open(how->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (!S_ISREG(st.st_mode))
		return -1;
	fd = open(how->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && !is_packed(how, fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int source_stream_open(const struct source_how *how, struct source *src,
		       bool *mine_out)
{
	struct stat st;
	int fd;

	*mine_out = true;
	if (strcmp(how->name, "-") == 0)
		return open_stdin(how, src);
	if (stat(how->name, &st) == 0 && S_ISFIFO(st.st_mode) &&
	    !is_open_pipe(how->name, &st))
		return error_say(how->cli, how->name, "give it as standard "
				 "input: vhd-util convert - DST < FIFO",
				 "this is a FIFO and not a file");
	fd = open_packed(how);
	*mine_out = fd >= 0;
	return *mine_out ? open_fd(how, fd, true, src) : CLI_GO;
}
