/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_file.h"

#include <string.h>

#include "base/fail.h"
#include "image/image_priv.h"
#include "io/stat.h"
#include "vhd1/vhd1.h"

static int measure(struct xen_file *f, struct vhd_error *err)
{
	int rc = vhd_io_size(f->io, &f->size, err);

	f->device = vhd_io_is_device(f->io);
	vhd_err_file(err, rc, vhd_io_name(f->io));
	if (rc)
		vhd_io_close(&f->io, NULL);
	return rc;
}

int vhd_xen_file_lock(const char *path, const struct vhd_open_opts *open,
		      struct xen_file *out, struct vhd_error *err)
{
	struct vhd_open_opts opts;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = vhd_open_opts_get(open, &opts, err);
	if (rc)
		return rc;
	/* Readers take no locks, writers do. */
	opts.flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
	opts.flags |= VHD_OPEN_RDWR;
	rc = vhd_image_io(path, &opts, &out->io, err);
	return rc ? rc : measure(out, err);
}

struct vhd_engine_open vhd_xen_file_req(const struct xen_file *f,
					enum xen_file_how how)
{
	return (struct vhd_engine_open){
		.io = f->io,
		.cache_bytes = UINT64_C(1) << 20,
		.writable = how == XEN_FILE_WRITER,
		.flags = VHD_OPEN_CIPHERTEXT,
	};
}

static int open_engine(struct xen_file *f, enum xen_file_how how,
		       struct vhd_error *err)
{
	const struct vhd_engine_open req = vhd_xen_file_req(f, how);
	void *eng = NULL;
	int rc = vhd1_engine.open(&req, &eng, err);

	if (rc)
		return rc;
	f->v = eng;
	if (f->v->footers_ok)
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_FOOTER_CHECKSUM, f->v->tail_off,
			     "no footer has a right checksum");
}

int vhd_xen_file_open(const char *path, enum xen_file_how how,
		      const struct vhd_open_opts *open, struct xen_file *out,
		      struct vhd_error *err)
{
	int rc = vhd_xen_file_lock(path, open, out, err);

	if (rc)
		return rc;
	rc = open_engine(out, how, err);
	return rc ? vhd_xen_file_close(out, rc, err) : 0;
}

int vhd_xen_file_use(struct vhd_io *io, enum xen_file_how how,
		     struct xen_file *out, struct vhd_error *err)
{
	int rc;

	*out = (struct xen_file){ .io = io };
	rc = measure(out, err);
	if (rc)
		return rc;
	rc = open_engine(out, how, err);
	return rc ? vhd_xen_file_close(out, rc, err) : 0;
}

int vhd_xen_file_close(struct xen_file *f, int rc, struct vhd_error *err)
{
	int rc2 = 0;

	if (f->v) {
		rc2 = vhd1_engine.shut(f->v, rc ? NULL : err);
		vhd1_engine.close(f->v);
	}
	f->v = NULL;
	rc = vhd_err_file(err, rc ? rc : rc2, vhd_io_name(f->io));
	rc2 = vhd_io_close(&f->io, rc ? NULL : err);
	return rc ? rc : rc2;
}
