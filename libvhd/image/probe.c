/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/probe.h"

#include <string.h>
#include <strings.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/raw.h"
#include "vhd1/vhd1.h"
#include "vhdx/vhdx_engine.h"

const struct vhd_engine *vhd_engine_of(enum vhd_format format)
{
	switch (format) {
	case VHD_FORMAT_AUTO:
		return NULL;
	case VHD_FORMAT_RAW:
		return &vhd_raw_engine;
	case VHD_FORMAT_VHD:
		return &vhd1_engine;
	case VHD_FORMAT_VHDX:
		return &vhdx_engine;
	}
	return NULL;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcasecmp(name + n - m, end);
}

static int nobody(struct vhd_io *io, struct vhd_error *err)
{
	uint64_t size;
	int rc = vhd_io_size(io, &size, err);

	if (rc)
		return rc;
	if (size == 0)
		return vhd_fail(err, VHD_E_FORMAT, "the file is empty");
	if (ends_with(vhd_io_name(io), ".vhds"))
		return vhd_fail_code_rule(
			err, VHD_E_UNSUPPORTED, RULE_VHDX_IS_VHDS, 0,
			"this is a VHD Set, which only describes a shared "
			"disk; open its .avhdx file");
	return vhd_fail(err, VHD_E_FORMAT,
			"neither a VHD (no \"conectix\" footer at the end or "
			"copy at the start) nor a VHDX (no \"vhdxfile\" at the "
			"start)");
}

/*
 * The file begins as a VHDX does.  In a fixed VHD those are bytes of the guest,
 * which may as well have written all of a VHDX there; and the last bytes of a
 * VHDX, where a footer would be, may be the guest's too.  A guest must not
 * decide what its disk is taken for, so what both ends claim is settled by what
 * it cannot write: a VHDX is whole MiB long, and a fixed VHD hardly ever.
 * Where that does not help nobody can know.
 */
static int probe_marked(struct vhd_io *io, const struct vhd_engine **out,
			struct vhd_error *err)
{
	bool fixed = false, header = false;
	uint64_t size;
	int rc = vhd_io_size(io, &size, err);

	if (!rc && size % MiB)
		rc = vhd1_ends_fixed(io, &fixed, err);
	if (!rc && fixed)
		rc = vhdx_header_there(io, &header, err);
	if (rc)
		return rc;
	if (header)
		return vhd_fail(err, VHD_E_FORMAT,
				"the file begins like a VHDX and ends like a "
				"fixed VHD; which one it is has to be said");
	*out = fixed ? &vhd1_engine : &vhdx_engine;
	return 0;
}

/* NULL in *@out: neither. */
static int probe_both(struct vhd_io *io, const struct vhd_engine **out,
		      struct vhd_error *err)
{
	bool ident, vhd, header;
	int rc;

	*out = NULL;
	rc = vhdx_ident_there(io, &ident, err);
	if (rc)
		return rc;
	if (ident)
		return probe_marked(io, out, err);
	rc = vhd1_engine.probe(io, &vhd, err);
	if (rc)
		return rc;
	/* In a VHD, a header of a VHDX in the middle is the guest's. */
	if (vhd) {
		*out = &vhd1_engine;
		return 0;
	}
	rc = vhdx_header_there(io, &header, err);
	if (!rc && header)
		*out = &vhdx_engine;
	return rc;
}

size_t vhd_probe_trailer(const uint8_t last[512], uint64_t end)
{
	return vhd1_fixed_trailer(last, end);
}

int vhd_probe(struct vhd_io *io, enum vhd_format format, bool allow_raw,
	      const struct vhd_engine **out, struct vhd_error *err)
{
	uint64_t size;
	int rc;

	if (format != VHD_FORMAT_AUTO) {
		*out = vhd_engine_of(format);
		if (!*out)
			return vhd_fail(err, VHD_E_INVAL,
					"there is no format number %d",
					(int)format);
		return 0;
	}
	/* Files without a length may still block who reads them (/proc/kmsg). */
	*out = NULL;
	rc = vhd_io_size(io, &size, err);
	if (!rc && size)
		rc = probe_both(io, out, err);
	if (rc || *out)
		return rc;
	if (!allow_raw)
		return nobody(io, err);
	*out = &vhd_raw_engine;
	return 0;
}
