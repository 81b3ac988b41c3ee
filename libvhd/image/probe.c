/* SPDX-License-Identifier: BSD-2-Clause */
#include "image/probe.h"

#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "image/raw.h"
#include "vhd1/vhd1.h"
#include "vhdx/vhdx_engine.h"

/*
 * VHDX first: its signature is at the front, while a VHD is known by the last
 * bytes of the file, which in a VHDX may be anything a guest wrote.
 */
static const struct vhd_engine *const probed[] = {
	&vhdx_engine,
	&vhd1_engine,
};

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

int vhd_probe(struct vhd_io *io, enum vhd_format format, bool allow_raw,
	      const struct vhd_engine **out, struct vhd_error *err)
{
	size_t i;

	if (format != VHD_FORMAT_AUTO) {
		*out = vhd_engine_of(format);
		if (!*out)
			return vhd_fail(err, VHD_E_INVAL,
					"there is no format number %d",
					(int)format);
		return 0;
	}
	for (i = 0; i < sizeof(probed) / sizeof(probed[0]); i++) {
		bool ours = false;
		int rc = probed[i]->probe(io, &ours, err);

		if (rc)
			return rc;
		if (ours) {
			*out = probed[i];
			return 0;
		}
	}
	if (!allow_raw)
		return nobody(io, err);
	*out = &vhd_raw_engine;
	return 0;
}
