/* SPDX-License-Identifier: BSD-2-Clause */
#include "dest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "errors.h"
#include "json.h"

int dest_size_check(const struct dest_how *how)
{
	const struct vhd_create_opts *create = &how->convert->create;

	if (dest_stream_gzip(how))
		return cli_usage(how->cli, "--print-size: how small gzip makes "
				 "an image shows only when it is packed");
	if (dest_nbd_is(how))
		return cli_usage(how->cli, "--print-size: only for raw, vhd "
				 "and vhdx");
	dest_stream_format(how);
	if (create->format == VHD_FORMAT_AUTO &&
	    create->target == VHD_TARGET_NONE)
		return cli_usage(how->cli, "%s: the name does not tell the "
				 "format (.vhd, .vhdx, .raw): name it with -O",
				 how->name);
	return CLI_GO;
}

int dest_size_print(const struct dest_how *how, bool json)
{
	struct vhd_convert_result r = { 0 };
	struct vhd_error err = { .code = VHD_OK };
	uint64_t total;
	json_t *object;

	if (vhd_stream_size(how->img, how->convert, getenv("TMPDIR"), &total,
			    &r, &err) != 0)
		return error_report(how->cli, &err, how->source);
	if (!json) {
		printf("%" PRIu64 "\n", total);
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "source", json_text(how->source));
	json_put(object, "stream_size", json_u64(total));
	json_put(object, "source_size", json_u64(r.source_size));
	json_put(object, "target_size", json_u64(r.target_size));
	return json_print(how->cli, object);
}
