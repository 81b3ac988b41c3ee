/* SPDX-License-Identifier: BSD-2-Clause */
/* Making an undo file; the rules are in undo_disk.h. */

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/guid.h"
#include "io/outfile.h"
#include "io/path.h"
#include "ops/undo.h"
#include "ops/undo_pen.h"

struct vhd_undo {
	char *path;
	struct vhd_io *io;	/* the undo file, once it has its name */
	uint64_t length;	/* of the image before all changes */
	uint64_t prev;		/* the last part */
	uint64_t end;		/* where the next one begins */
	uint64_t records;	/* in all parts */
};

/* A sector with one record; durable, as what lies before it. */
static int put_sector(struct vhd_io *out, uint64_t pos,
		      struct undo_rec_disk *r, struct vhd_error *err)
{
	uint8_t sector[UNDO_SECTOR] = { 0 };
	int rc = vhd_io_flush(out, err);

	if (rc)
		return rc;
	r->crc = le32_make(vhd_undo_rec_crc(r));
	memcpy(sector, r, sizeof(*r));
	rc = vhd_io_write(out, sector, sizeof(sector), pos, err);
	return rc ? rc : vhd_io_flush(out, err);
}

/*
 * The end of the file gets its room before the image is changed, so that a full
 * file system shows while everything can still be called off.
 */
static int reserve_end(struct vhd_io *out, const struct vhd_undo *u,
		       struct vhd_error *err)
{
	return vhd_io_zero(out, UNDO_SECTOR + (u->records + UNDO_DIGESTS) *
					     sizeof(le32), u->end, err);
}

/* Writes a part at the end of what there is into @out. */
static int put_part(struct vhd_undo *u, struct vhd_io *out,
		    struct vhd_io *image, const struct vhd_patch *patch,
		    struct vhd_error *err)
{
	uint64_t pos = u->end, size = 0;
	struct undo_pen p = { .out = out, .image = image,
			      .pos = pos + UNDO_SECTOR };
	struct undo_rec_disk r = { .kind = le32_make(UNDO_PART) };
	int rc = vhd_io_size(image, &size, err);

	if (rc)
		return rc;
	rc = vhd_undo_pen_part(&p, patch, err);
	if (rc)
		return rc;
	r.off = le64_make(size);
	r.len = le64_make(p.pos - (pos + UNDO_SECTOR));
	r.prev = le64_make(u->prev);
	u->prev = pos;
	u->end = align_up(p.pos, UNDO_SECTOR);
	u->records += p.records;
	rc = reserve_end(out, u, err);
	return rc ? rc : put_sector(out, pos, &r, err);
}

static int add_witness(struct undo_header_disk *h, struct vhd_io *image,
		       uint64_t off, struct vhd_error *err)
{
	uint32_t count = le32_get(h->witness_count);
	uint8_t page[UNDO_WITNESS_LEN];
	int rc = vhd_io_read(image, page, sizeof(page), off, err);

	if (rc)
		return rc;
	h->witness[count].off = le64_make(off);
	h->witness[count].crc = le32_make(vhd_crc32c(0, page, sizeof(page)));
	h->witness_count = le32_make(count + 1);
	return 0;
}

static int add_witnesses(struct undo_header_disk *h, struct vhd_io *image,
			 struct vhd_error *err)
{
	uint64_t pages = le64_get(h->length) / UNDO_WITNESS_LEN;
	uint64_t first = min_u64(pages, UNDO_WITNESS_FIRST);
	uint64_t last = min_u64(pages - first, UNDO_WITNESS_LAST);
	int rc = 0;

	for (uint64_t i = 0; !rc && i < first; i++)
		rc = add_witness(h, image, i * UNDO_WITNESS_LEN, err);
	for (uint64_t i = pages - last; !rc && i < pages; i++)
		rc = add_witness(h, image, i * UNDO_WITNESS_LEN, err);
	return rc;
}

/* From the directory of the undo file to the image. */
static int add_name(struct undo_header_disk *h, const char *path,
		    const char *image, struct vhd_error *err)
{
	char *dir = vhd_path_dir(path);
	char *dir_real = dir ? vhd_path_real(dir) : NULL;
	char *real = vhd_path_real(image);
	char *name = NULL;
	size_t len;
	int rc = 0;

	if (dir_real && real)
		name = vhd_path_relative(dir_real, real);
	len = name ? strlen(name) : 0;
	if (!name)
		rc = vhd_fail(err, VHD_E_IO,
			      "there is no way from the undo file's directory "
			      "to the image");
	/* Then it has to be named when it is restored. */
	else if (len < UNDO_NAME_MAX)
		memcpy(h->name, name, len);
	h->name_len = le32_make(len < UNDO_NAME_MAX ? (uint32_t)len : 0);
	vhd_free(dir);
	vhd_free(dir_real);
	vhd_free(real);
	vhd_free(name);
	return rc;
}

static int put_header(struct vhd_undo *u, struct vhd_io *out, const char *image,
		      struct vhd_io *io, struct vhd_error *err)
{
	struct undo_header_disk h = { .version = le32_make(UNDO_VERSION) };
	struct vhd_guid id;
	int rc = vhd_guid_fresh(&id, err);

	if (rc)
		return rc;
	memcpy(h.magic, UNDO_MAGIC, sizeof(h.magic));
	memcpy(h.id, id.b, sizeof(h.id));
	rc = vhd_io_size(io, &u->length, err);
	h.length = le64_make(u->length);
	if (!rc)
		rc = add_name(&h, u->path, image, err);
	if (!rc)
		rc = add_witnesses(&h, io, err);
	if (rc)
		return rc;
	h.crc = le32_make(vhd_undo_header_crc(&h));
	return vhd_io_write(out, &h, sizeof(h), 0, err);
}

/* Everything up to the name. */
static int make_file(struct vhd_undo *u, const char *image, struct vhd_io *io,
		     const struct vhd_patch *patch, struct vhd_error *err)
{
	struct vhd_outfile *of = NULL;
	int rc;

	rc = vhd_outfile_new_private(u->path, &of, err);
	if (rc)
		return rc;
	rc = put_header(u, vhd_outfile_io(of), image, io, err);
	u->end = sizeof(struct undo_header_disk);
	if (!rc)
		rc = put_part(u, vhd_outfile_io(of), io, patch, err);
	if (!rc)
		rc = vhd_outfile_like(of, io, err);
	if (!rc)
		rc = vhd_outfile_keep(of, &u->io, err);
	if (!rc)
		rc = vhd_outfile_commit(&of, true, err);
	vhd_outfile_abandon(&of);
	return rc;
}

int vhd_undo_new(const char *path, const char *image, struct vhd_io *io,
		 const struct vhd_patch *patch, struct vhd_undo **undo_out,
		 struct vhd_error *err)
{
	struct vhd_undo *u = vhd_alloc(sizeof(*u));
	int rc;

	if (!u)
		return vhd_fail_nomem(err);
	u->path = vhd_strdup(path);
	rc = u->path ? make_file(u, image, io, patch, err) :
		       vhd_fail_nomem(err);
	if (rc) {
		vhd_undo_free(u);
		return vhd_err_file(err, rc, path);
	}
	*undo_out = u;
	return 0;
}

int vhd_undo_append(struct vhd_undo *u, struct vhd_io *io,
		    const struct vhd_patch *patch, struct vhd_error *err)
{
	int rc = put_part(u, u->io, io, patch, err);

	return vhd_err_file(err, rc, u->path);
}

/* The end of the file: digests of what the records' places hold now. */
struct digests {
	struct vhd_io *out;
	struct vhd_io *image;
	uint64_t pos;		/* in @out */
	uint32_t crc;
};

static int add_digest(struct digests *d, uint64_t off, uint64_t len,
		      struct vhd_error *err)
{
	uint32_t crc = 0;
	le32 disk;
	int rc = vhd_undo_digest(d->image, off, len, &crc, err);

	if (rc)
		return rc;
	disk = le32_make(crc);
	d->crc = vhd_crc32c(d->crc, &disk, sizeof(disk));
	rc = vhd_io_write(d->out, &disk, sizeof(disk), d->pos, err);
	d->pos += sizeof(disk);
	return rc;
}

static int digest_rec(void *arg, const struct undo_rec *rec,
		      struct vhd_error *err)
{
	return vhd_undo_is_old(rec) ?
		       add_digest(arg, rec->off, rec->len, err) : 0;
}

static int put_digests(struct vhd_undo *u, struct digests *d, uint64_t size,
		       struct vhd_error *err)
{
	struct undo_file f = { .io = u->io };
	uint64_t pos = sizeof(f.header), grown;
	int rc = vhd_io_size(u->io, &f.size, err);

	while (!rc && pos < u->end) {
		rc = vhd_undo_file_each(&f, pos, digest_rec, d, err);
		if (!rc)
			rc = vhd_undo_file_next(&f, pos, &pos, err);
	}
	if (!rc)
		rc = add_digest(d, 0, UNDO_HEAD_LEN, err);
	if (!rc)
		rc = add_digest(d, size - min_u64(size, UNDO_TAIL_LEN),
				UNDO_TAIL_LEN, err);
	grown = min_u64(u->length, size);
	return rc ? rc : add_digest(d, grown, size - grown, err);
}

int vhd_undo_complete(struct vhd_undo *u, struct vhd_io *io,
		      struct vhd_error *err)
{
	uint64_t begin = u->end + UNDO_SECTOR, size = 0;
	struct digests d = { .out = u->io, .image = io, .pos = begin };
	struct undo_rec_disk r = { .kind = le32_make(UNDO_DONE) };
	int rc = vhd_io_size(io, &size, err);

	if (!rc)
		rc = put_digests(u, &d, size, err);
	if (rc)
		return vhd_err_file(err, rc, u->path);
	r.off = le64_make(size);
	r.len = le64_make(d.pos - begin);
	r.data_crc = le32_make(d.crc);
	rc = put_sector(u->io, u->end, &r, err);
	return vhd_err_file(err, rc, u->path);
}

void vhd_undo_free(struct vhd_undo *u)
{
	if (!u)
		return;
	vhd_io_close(&u->io, NULL);
	vhd_free(u->path);
	vhd_free(u);
}
