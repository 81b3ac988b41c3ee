/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page of text, twice: the next version goes where the older one is, so that a
 * power cut in the middle of writing it leaves the other.  Each ends with a
 * checksum and with enough empty lines to fill its page.
 */
#include "ops/merge_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "io/io_posix.h"
#include "io/outfile.h"
#include "io/path.h"
#include "io/stat.h"

enum { PAGE = 4096, SUM = 14 };	/* "sum 01234567\n" and its NUL */

static const char magic[] = "libvhd merge 1\n";

/* Caller frees. */
static char *mark_path(const char *path)
{
	size_t room = strlen(path) + sizeof(".merge");
	char *s = vhd_alloc(room);

	if (s)
		snprintf(s, room, "%s.merge", path);
	return s;
}

static void encode(const struct vhd_mark_facts *f, uint64_t serial,
		   char page[PAGE])
{
	char top[VHD_GUID_TEXT], into[VHD_GUID_TEXT];
	int n;

	vhd_guid_format(&f->top, top);
	vhd_guid_format(&f->into, into);
	memset(page, '\n', PAGE);
	n = snprintf(page, PAGE, "%sserial %" PRIu64 "\nstage %s\n"
		     "position %" PRIu64 "\nmerged %s %016" PRIx64
		     " %016" PRIx64 "\ninto %s %016" PRIx64
		     " %016" PRIx64 " %" PRId64 "\nlayers %016" PRIx64 "\ntime %" PRId64 "\n",
		     magic, serial, f->stage == VHD_MARK_DONE ? "done" : "copy",
		     f->pos, top, f->top_birth, f->top_state, into,
		     f->into_birth, f->into_state, f->into_mtime, f->layers,
		     f->time);
	snprintf(page + n, SUM, "sum %08" PRIx32 "\n",
		 vhd_crc32c(0, page, (size_t)n));
	page[n + SUM - 1] = '\n';
}

static bool decode(const char page[PAGE + 1], struct vhd_mark_facts *f,
		   uint64_t *serial)
{
	const char *sum = strstr(page, "\nsum ");
	char stage[8], top[VHD_GUID_TEXT], into[VHD_GUID_TEXT];
	uint32_t crc;

	if (strncmp(page, magic, sizeof(magic) - 1) != 0 || !sum ||
	    sscanf(sum, "\nsum %8" SCNx32, &crc) != 1 ||
	    crc != vhd_crc32c(0, page, (size_t)(sum + 1 - page)))
		return false;
	if (sscanf(page + sizeof(magic) - 1,
		   "serial %" SCNu64 "\nstage %7s\nposition %" SCNu64
		   "\nmerged %36s %" SCNx64 " %" SCNx64 "\ninto %36s %" SCNx64
		   " %" SCNx64 " %" SCNd64 "\nlayers %" SCNx64 "\ntime %" SCNd64, serial, stage,
		   &f->pos, top, &f->top_birth, &f->top_state, into,
		   &f->into_birth, &f->into_state, &f->into_mtime,
		   &f->layers, &f->time) != 12)
		return false;
	f->stage = strcmp(stage, "done") == 0 ? VHD_MARK_DONE : VHD_MARK_COPY;
	return vhd_guid_parse(top, &f->top) && vhd_guid_parse(into, &f->into);
}

/* The newer of two pages. */
static bool load(struct vhd_io *io, struct vhd_mark_facts *out,
		 uint64_t *serial_out)
{
	char page[PAGE + 1] = "";
	bool found = false;

	for (uint64_t i = 0; i < 2; i++) {
		struct vhd_mark_facts f;
		uint64_t serial;

		if (vhd_io_read_padded(io, page, PAGE, i * PAGE, NULL) ||
		    !decode(page, &f, &serial))
			continue;
		if (found && serial < *serial_out)
			continue;
		found = true;
		*out = f;
		*serial_out = serial;
	}
	return found;
}

/* The file @name beside @image; NULL: there is none that can be believed. */
static struct vhd_io *open_mark(const char *name, const char *image,
				uint32_t flags)
{
	struct vhd_io *io = NULL;

	vhd_io_open_posix(name, flags | VHD_POSIX_NO_DEVICE |
			  VHD_POSIX_NO_SYMLINK, &io, NULL);
	if (io && !vhd_io_is_ours(io, image))
		vhd_io_close(&io, NULL);
	return io;
}

int vhd_mark_find(const char *path, struct vhd_mark_facts *out,
		  bool *found_out, struct vhd_error *err)
{
	char *name = mark_path(path);
	struct vhd_io *io;
	uint64_t serial;

	*found_out = false;
	if (!name)
		return vhd_fail_nomem(err);
	io = open_mark(name, path, 0);
	if (io)
		*found_out = load(io, out, &serial);
	vhd_io_close(&io, NULL);
	vhd_free(name);
	return 0;
}

bool vhd_mark_fits(const struct vhd_mark_facts *f, const char *path)
{
	return vhd_path_birth(path) == f->into_birth &&
	       vhd_path_mtime_ns(path) >= f->into_mtime;
}

int vhd_mark_write(struct vhd_mark *mark, const struct vhd_mark_facts *facts,
		   struct vhd_error *err)
{
	char page[PAGE];
	int rc;

	mark->serial++;
	encode(facts, mark->serial, page);
	rc = vhd_io_write(mark->io, page, PAGE, mark->serial % 2 * PAGE, err);
	if (!rc)
		rc = vhd_io_flush(mark->io, err);
	return rc ? vhd_err_file(err, rc, mark->path) : 0;
}

static int make(struct vhd_mark *mark, const struct vhd_io *like,
		const struct vhd_mark_facts *facts, struct vhd_error *err)
{
	struct vhd_outfile *out = NULL;
	int rc = vhd_outfile_new_private(mark->path, &out, err);

	if (!rc)
		rc = vhd_outfile_like(out, like, err);
	if (!rc)
		rc = vhd_outfile_keep(out, &mark->io, err);
	if (!rc)
		rc = vhd_mark_write(mark, facts, err);
	if (!rc)
		rc = vhd_outfile_commit(&out, true, err);
	vhd_outfile_abandon(&out);
	return rc;
}

int vhd_mark_begin(struct vhd_mark *mark, const char *path,
		   const struct vhd_io *like,
		   const struct vhd_mark_facts *facts, struct vhd_error *err)
{
	struct vhd_mark_facts old;
	int rc;

	memset(mark, 0, sizeof(*mark));
	mark->path = mark_path(path);
	if (!mark->path)
		return vhd_fail_nomem(err);
	mark->io = open_mark(mark->path, path, VHD_POSIX_WRITE);
	if (mark->io && load(mark->io, &old, &mark->serial)) {
		rc = vhd_mark_write(mark, facts, err);
	} else {
		vhd_io_close(&mark->io, NULL);
		rc = make(mark, like, facts, err);
	}
	if (rc)
		vhd_mark_close(mark);
	return rc;
}

void vhd_mark_close(struct vhd_mark *mark)
{
	vhd_io_close(&mark->io, NULL);
	vhd_free(mark->path);
	memset(mark, 0, sizeof(*mark));
}

void vhd_mark_remove(const char *path)
{
	struct vhd_mark_facts facts;
	bool ours = false;
	char *name;

	if (vhd_mark_find(path, &facts, &ours, NULL) || !ours)
		return;
	name = mark_path(path);
	if (name)
		vhd_path_remove(name);
	vhd_free(name);
}
