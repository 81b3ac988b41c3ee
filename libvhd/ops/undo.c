/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Undo: what a repair has overwritten is put back.
 *
 * The whole undo file is read, and the image held against it (U3), before
 * anything is written.  Then the image is made as long as it ever was, and longer
 * by a mark that says what is going on, so that whoever is interrupted can begin
 * again without being asked why the image is not what the repair has left; then
 * all old bytes are written, from the last part to the first; then the image is
 * cut to its old length, and the mark with it.  Every step can be done any number
 * of times, and while they are done each sector is what some part says.
 */

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/opts.h"
#include "io/io_posix.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/undo.h"
#include "ops/undo_priv.h"
#include "vhd/repair.h"

/* Does the image have now what a record says it had? */
static int compare_rec(void *arg, const struct undo_rec *rec,
		       struct vhd_error *err)
{
	struct undo *u = arg;
	uint8_t *buf = NULL;
	uint32_t crc = 0;
	int rc;

	if (!vhd_undo_is_old(rec))
		return 0;
	if (rec->kind == UNDO_DATA) {
		buf = vhd_alloc((size_t)rec->len);
		if (!buf)
			return vhd_fail_nomem(err);
		rc = vhd_io_read_padded(u->image, buf, (size_t)rec->len,
					rec->off, err);
		crc = vhd_crc32c(0, buf, (size_t)rec->len);
		vhd_free(buf);
	} else {
		rc = vhd_undo_digest(u->image, rec->off, rec->len, &crc, err);
	}
	if (!rc && crc != rec->crc)
		u->restored = false;
	return rc;
}

/*
 * An undo that was interrupted at its very end has no mark any more; nothing is
 * wrong with doing it once more.
 */
static int is_restored(struct undo *u, bool *restored_out,
		       struct vhd_error *err)
{
	int rc = 0;

	u->restored = u->size == le64_get(u->file.header.length);
	if (u->restored)
		rc = vhd_undo_file_each(&u->file, sizeof(u->file.header),
				    compare_rec, u, err);
	*restored_out = u->restored;
	return rc;
}

static void make_mark(const struct undo *u, struct undo_mark_disk *mark)
{
	memset(mark, 0, sizeof(*mark));
	memcpy(mark->magic, UNDO_MARK_MAGIC, sizeof(mark->magic));
	memcpy(mark->id, u->file.header.id, sizeof(mark->id));
	mark->crc = le32_make(vhd_crc32c(0, mark, sizeof(*mark)));
}

/* Was this undo begun before? */
static int is_marked(struct undo *u, bool *marked_out, struct vhd_error *err)
{
	struct undo_mark_disk want, have;
	int rc;

	*marked_out = false;
	if (u->size < sizeof(have))
		return 0;
	rc = vhd_io_read(u->image, &have, sizeof(have),
			 u->size - sizeof(have), err);
	make_mark(u, &want);
	if (!rc && !memcmp(&have, &want, sizeof(have))) {
		u->mark = u->size - sizeof(have);
		*marked_out = true;
	}
	return rc;
}

/*
 * A device cannot grow, and needs not; a file that cannot, because its file
 * system is full or its size limited, can still be restored.
 */
static int put_mark(struct undo *u, struct vhd_error *err)
{
	struct undo_mark_disk mark;

	make_mark(u, &mark);
	if (vhd_io_write(u->image, &mark, sizeof(mark), u->mark, NULL)) {
		vhd_io_set_size(u->image, u->mark, NULL);
		return 0;
	}
	return vhd_io_flush(u->image, err);
}

static int copy_back(struct undo *u, const struct undo_rec *rec, uint64_t len,
		     struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc((size_t)len);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = vhd_io_read(u->file.io, buf, (size_t)len, rec->data_off, err);
	if (!rc)
		rc = vhd_io_write(u->image, buf, (size_t)len, rec->off, err);
	vhd_free(buf);
	return rc;
}

static int restore_rec(void *arg, const struct undo_rec *rec,
		       struct vhd_error *err)
{
	struct undo *u = arg;
	uint64_t length = le64_get(u->file.header.length);
	uint64_t len;

	/* What a later part saved of where an earlier one made the file grow. */
	if (!vhd_undo_is_old(rec) || rec->off >= length)
		return 0;
	len = min_u64(rec->len, length - rec->off);
	if (rec->kind == UNDO_DATA)
		return copy_back(u, rec, len, err);
	return rec->kind == UNDO_ZERO ?
		       vhd_io_zero(u->image, len, rec->off, err) :
		       vhd_io_punch(u->image, len, rec->off, err);
}

static int restore(struct undo *u, struct vhd_error *err)
{
	uint64_t length = le64_get(u->file.header.length);
	uint64_t pos = u->file.last_part;
	int rc = put_mark(u, err);

	while (!rc && pos) {
		rc = vhd_undo_file_each(&u->file, pos, restore_rec, u, err);
		if (!rc)
			rc = vhd_undo_file_prev(&u->file, pos, &pos, err);
	}
	if (!rc)
		rc = vhd_io_flush(u->image, err);
	if (!rc)
		rc = vhd_io_set_size(u->image, length, err);
	return rc ? rc : vhd_io_flush(u->image, err);
}

/*
 * The image that an undo file names: only one that lies beside it, is no link,
 * and has the name of the undo file but for its end.  Files are passed around,
 * and must not make anybody overwrite what he has not named.
 */
static bool is_named(const char *name, const char *undo)
{
	static const char end[] = ".undo";
	const char *base = vhd_path_base(undo);
	size_t len = strlen(name);

	return len && !strchr(name, '/') && strcmp(name, "..") != 0 &&
	       strcmp(name, ".") != 0 && !strncmp(base, name, len) &&
	       !strcmp(base + len, end);
}

static int named_image(const struct undo_file *f, const char *undo,
		       char **path_out, struct vhd_error *err)
{
	const char *name = (const char *)f->header.name;
	char *dir, *real;

	if (!is_named(name, undo))
		return vhd_fail(err, VHD_E_INVAL,
				"the undo file is not named after an image "
				"beside it; it says that it is of \"%s\", which "
				"has to be named then", name);
	dir = vhd_path_dir(undo);
	real = dir ? vhd_path_real(dir) : NULL;
	*path_out = real ? vhd_path_join(real, name) : NULL;
	vhd_free(dir);
	vhd_free(real);
	return *path_out ? 0 : vhd_fail_nomem(err);
}

static int open_image(struct undo *u, const char *undo, const char *path,
		      struct vhd_error *err)
{
	uint32_t flags = VHD_POSIX_WRITE;
	char *named = NULL;
	int rc = 0;

	if (!path) {
		flags |= VHD_POSIX_NO_SYMLINK;
		rc = named_image(&u->file, undo, &named, err);
		path = named;
	}
	if (!rc)
		rc = vhd_io_open_posix(path, flags, &u->image, err);
	if (!rc)
		rc = vhd_io_lock(u->image, VHD_LOCK_WRITE, err);
	vhd_free(named);
	return rc;
}

/* May it be restored? */
static int check_image(struct undo *u, bool marked, struct vhd_error *err)
{
	bool begun = marked;
	int rc = 0;

	if (!begun)
		rc = is_restored(u, &begun, err);
	if (rc)
		return rc;
	return begun ? vhd_undo_sweep(u, err) : vhd_undo_check(u, err);
}

static int check_and_restore(struct undo *u, bool force, struct vhd_error *err)
{
	bool marked = false;
	int rc = vhd_io_size(u->image, &u->size, err);

	if (rc)
		return rc;
	u->mark = max_u64(u->size, u->file.reach);
	rc = is_marked(u, &marked, err);
	if (!rc && !force)
		rc = check_image(u, marked, err);
	return rc ? rc : restore(u, err);
}

int vhd_undo_io(struct vhd_io *undo, struct vhd_io *image, bool force,
		struct vhd_error *err)
{
	struct undo *u = vhd_alloc(sizeof(*u));
	int rc;

	if (!u)
		return vhd_fail_nomem(err);
	u->image = image;
	rc = vhd_undo_file_load(undo, &u->file, err);
	if (!rc)
		rc = check_and_restore(u, force, err);
	vhd_free(u);
	return rc;
}

int vhd_repair_undo(const char *undo, const char *path, uint32_t flags,
		    struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	struct undo *u;
	int rc, rc2;

	if (!undo)
		return vhd_fail(err, VHD_E_INVAL, "no undo file is named");
	rc = vhd_flags_check(flags, VHD_UNDO_FORCE, "undo flags", err);
	if (rc)
		return rc;
	u = vhd_alloc(sizeof(*u));
	if (!u)
		return vhd_fail_nomem(err);
	rc = vhd_io_open_posix(undo, VHD_POSIX_NO_DEVICE, &io, err);
	if (!rc)
		rc = vhd_io_lock(io, VHD_LOCK_READ, err);
	if (!rc)
		rc = vhd_undo_file_load(io, &u->file, err);
	if (!rc)
		rc = open_image(u, undo, path, err);
	if (!rc)
		rc = check_and_restore(u, flags & VHD_UNDO_FORCE, err);
	rc2 = vhd_io_close(&u->image, rc ? NULL : err);
	vhd_io_close(&io, NULL);
	vhd_free(u);
	return rc ? rc : rc2;
}

/* Is the file of a name in @dir the one that is open? */
static bool is_file(const char *dir, const char *name,
		    const struct vhd_io *image)
{
	char *path = vhd_path_join(dir, name);
	struct vhd_file_id mine, its;

	vhd_io_file_id(image, &mine);
	vhd_path_file_id(path ? path : "", &its);
	vhd_free(path);
	return vhd_file_id_same(&mine, &its);
}

static bool is_unfinished(struct undo *u, const char *path,
			  struct vhd_io *undo)
{
	char *dir = vhd_path_dir(path);
	bool restored = true;

	if (dir && !vhd_undo_file_load(undo, &u->file, NULL) && !u->file.done &&
	    is_file(dir, (const char *)u->file.header.name, u->image) &&
	    !vhd_io_size(u->image, &u->size, NULL) &&
	    is_restored(u, &restored, NULL))
		restored = true;
	vhd_free(dir);
	return !restored;
}

bool vhd_undo_is_unfinished(const char *path, struct vhd_io *image)
{
	struct undo *u = vhd_alloc(sizeof(*u));
	struct vhd_io *io = NULL;
	bool unfinished = false;

	if (!u)
		return false;
	u->image = image;
	if (!vhd_io_open_posix(path, VHD_POSIX_NO_DEVICE, &io, NULL))
		unfinished = is_unfinished(u, path, io);
	vhd_io_close(&io, NULL);
	vhd_free(u);
	return unfinished;
}
