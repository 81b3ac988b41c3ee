/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both footers anew, from the one that counts.
 *
 * What a killed coalesce leaves of a file has room behind its last block; the
 * footer goes to the end of what is in use, the copy to the front, and the file is
 * cut behind the footer.  Each of the three is durable before the next, so that
 * there is a sound footer at each cut.
 *
 * That a block's end lies behind the end of the file is what a copy that stopped
 * leaves: the file becomes as long as it should be.  A block that begins there is
 * no block, and a device is as long as it is: then nothing is written.
 *
 * What is behind the last block may be a hole, which a full file system has no
 * space for.  The file keeps its length then, if its footer is right.
 */
#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/opts.h"
#include "vhd/xen.h"
#include "vhd1/vhd1_copies.h"
#include "vhd1/vhd1.h"
#include "xen/xen_file.h"
#include "xen/xen_used.h"

/* The copy at the front, and nothing else, says what the image is. */
static int open_copy(struct xen_file *f, struct vhd_error *err)
{
	const struct vhd_engine_open req = vhd_xen_file_req(f, XEN_FILE_PAST);
	struct vhd1_copies c;
	int rc = vhd1_copies_load(f->io, f->size, &c, err);

	if (rc)
		return rc;
	if (c.tail.seal == VHD1_SEAL_POISON)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_POISONED, c.tail.off,
			"a resize of this image was interrupted");
	if ((c.front.seal != VHD1_SEAL_OK &&
	     c.front.seal != VHD1_SEAL_OK_HIDDEN) ||
	    c.front.f.type == VHD1_TYPE_FIXED ||
	    vhd1_footer_judge(&c.front.f) != VHD_RULE_NONE)
		return vhd_fail_rule(err, RULE_VHD1_COPY_MISSING, 0,
				     "there is no sound copy of the footer "
				     "at 0");
	return vhd1_open_as(&req, &c.front.f, f->size, &f->v, err);
}

static int open_image(const char *path, uint32_t flags,
		      const struct vhd_open_opts *open, struct xen_file *f,
		      struct vhd_error *err)
{
	int rc = vhd_flags_check(flags, VHD_XEN_USE_COPY, "repair flags", err);

	if (rc)
		return rc;
	if (!(flags & VHD_XEN_USE_COPY))
		return vhd_xen_file_open(path, XEN_FILE_PAST, open, f, err);
	rc = vhd_xen_file_lock(path, open, f, err);
	if (rc)
		return rc;
	rc = open_copy(f, err);
	return rc ? vhd_xen_file_close(f, rc, err) : 0;
}

static int on_block(void *arg, uint64_t blk, uint32_t entry,
		    struct vhd_error *err)
{
	const struct xen_file *f = arg;
	uint64_t at = vhd1_entry_off(entry), len = vhd1_stride(f->v);
	uint64_t end = align_up(f->size, VHD1_SECTOR);

	/* A device ends in its footer. */
	if (f->device ? range_in(at, len, f->size - VHD1_FOOTER_LEN)
		      : at < end)
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
			     "block %" PRIu64 " at 0x%" PRIx64 " lies past the "
			     "end of the data", blk, at);
}

/* Where the trailing footer belongs. */
static int find_tail(struct xen_file *f, uint64_t *off_out,
		     struct vhd_error *err)
{
	const struct vhd1_walk walk = { .fn = on_block, .arg = f };
	uint64_t used = 0, end = align_down(f->size, VHD1_SECTOR);
	int rc = vhd1_is_sparse(f->v) ? vhd1_table_walk(f->v, &walk, err) : 0;

	if (!rc)
		rc = vhd_xen_end(f->v, &used, NULL, err);
	if (rc)
		return rc;
	if (f->device && used > end)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, used,
				     "the image needs %" PRIu64 " bytes, and "
				     "the device has %" PRIu64, used, f->size);
	*off_out = (f->device ? end : used) - VHD1_FOOTER_LEN;
	/* Behind the disk of a file that is fixed may be bytes of anybody's. */
	if (!f->device && !vhd1_is_sparse(f->v))
		*off_out = f->v->tail_off;
	return 0;
}

static int give_id(struct vhd1_footer *f, struct vhd_error *err)
{
	struct vhd_guid id;
	int rc;

	memcpy(id.b, f->unique_id, sizeof(id.b));
	if (!vhd_guid_is_zero(&id))
		return 0;
	rc = vhd_guid_fresh(&id, err);
	if (!rc)
		memcpy(f->unique_id, id.b, sizeof(id.b));
	return rc;
}

/* One footer, durably; where it is right it stays as it is. */
static int put(struct xen_file *f, const uint8_t raw[VHD1_FOOTER_LEN],
	       uint64_t off, struct vhd_error *err)
{
	uint8_t now[VHD1_FOOTER_LEN];
	int rc = vhd_io_read_padded(f->io, now, sizeof(now), off, err);

	if (rc)
		return rc;
	if (off + sizeof(now) <= f->size && !memcmp(now, raw, sizeof(now)))
		return 0;
	rc = vhd_io_write(f->io, raw, sizeof(now), off, err);
	return rc ? rc : vhd_io_flush(f->io, err);
}

/* Does the file end in this footer already, behind @tail? */
static bool ends_in(struct xen_file *f, const uint8_t raw[VHD1_FOOTER_LEN],
		    uint64_t tail)
{
	uint8_t now[VHD1_FOOTER_LEN];

	return f->size % VHD1_SECTOR == 0 &&
	       f->size > tail + VHD1_FOOTER_LEN &&
	       !vhd_io_read(f->io, now, sizeof(now), f->size - sizeof(now),
			    NULL) &&
	       !memcmp(now, raw, sizeof(now));
}

static int write_all(struct xen_file *f, uint64_t tail, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc;

	vhd1_footer_encode(&f->v->footer, raw);
	rc = put(f, raw, tail, err);
	/* A file that is longer than need be is in order as well. */
	if (rc == VHD_E_NOSPACE && ends_in(f, raw, tail)) {
		tail = f->size - VHD1_FOOTER_LEN;
		rc = 0;
	}
	if (!rc && vhd1_is_sparse(f->v))
		rc = put(f, raw, 0, err);
	if (!rc && !f->device && f->size > tail + VHD1_FOOTER_LEN)
		rc = vhd_io_set_size(f->io, tail + VHD1_FOOTER_LEN, err);
	/* Whoever wrote what was right may not have made it durable. */
	return rc ? rc : vhd_io_flush(f->io, err);
}

int vhd_xen_file_repair(struct xen_file *f, struct vhd_error *err)
{
	uint64_t tail = 0;
	int rc = find_tail(f, &tail, err);

	if (!rc)
		rc = give_id(&f->v->footer, err);
	return rc ? rc : write_all(f, tail, err);
}

int vhd_xen_repair(const char *path, uint32_t flags,
		   const struct vhd_open_opts *open, struct vhd_error *err)
{
	struct xen_file f;
	int rc = open_image(path, flags, open, &f, err);

	if (rc)
		return rc;
	return vhd_xen_file_close(&f, vhd_xen_file_repair(&f, err), err);
}
