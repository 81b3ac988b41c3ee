/* SPDX-License-Identifier: BSD-2-Clause */
#include "dest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/size.h"
#include "errors.h"
#include "fail.h"
#include "foreign/dest_qemu.h"
#include "foreign/nbd_io.h"
#include "foreign/nbd_uri.h"
#include "sigint.h"

static const char *const formats[] = { "qcow2", "vmdk", "vdi" };

enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static const char *find_format(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (strcasecmp(name, formats[i]) == 0)
			return formats[i];
	}
	return NULL;
}

bool dest_foreign_format(const char *name)
{
	return find_format(name) != NULL;
}

/* QEMU's word for what is to be made; NULL: it is not to be made by QEMU. */
static const char *driver_of(const struct dest_how *how)
{
	const char *dot = strrchr(how->name, '.');

	if (how->foreign != NULL)
		return find_format(how->foreign);
	if (how->convert->create.format != VHD_FORMAT_AUTO || dot == NULL ||
	    strchr(dot, '/') != NULL)
		return NULL;
	return find_format(dot + 1);
}

bool dest_nbd_is(const struct dest_how *how)
{
	/* Standard output is a stream, which says what it cannot be. */
	return nbd_uri_is(how->name) ||
	       (driver_of(how) != NULL && strcmp(how->name, "-") != 0);
}

static bool is_zero(const struct vhd_guid *guid)
{
	static const struct vhd_guid zero;

	return memcmp(guid, &zero, sizeof(zero)) == 0;
}

/* An option that says how a VHD or VHDX is to be made; NULL: there is none. */
static const char *our_option(const struct vhd_create_opts *create)
{
	if (create->type != VHD_TYPE_DEFAULT)
		return "--type";
	if (create->target != VHD_TARGET_NONE)
		return "--for";
	if (create->block_size != 0)
		return "--block-size";
	if (create->logical_sector != 0)
		return "--logical-sector";
	if (create->physical_sector != 0)
		return "--physical-sector";
	if (create->flags & VHD_CREATE_PREALLOCATE)
		return "--preallocate";
	return is_zero(&create->guid) ? NULL : "--uuid";
}

static int check_server(const struct dest_how *how)
{
	const struct vhd_create_opts *create = &how->convert->create;

	if (how->foreign != NULL || (create->format != VHD_FORMAT_AUTO &&
				     create->format != VHD_FORMAT_RAW))
		return cli_usage(how->cli, "an NBD server takes the raw bytes "
				 "of a disk and no other format");
	if (create->virtual_size != 0)
		return cli_usage(how->cli, "--size: an NBD server's disk has "
				 "the size that it has");
	return CLI_GO;
}

int dest_nbd_check(const struct dest_how *how)
{
	const char *option = our_option(&how->convert->create);

	if (option != NULL)
		return cli_usage(how->cli, "%s is for VHD, VHDX and raw disks",
				 option);
	if (how->gzip != DEST_NO_GZIP)
		return cli_usage(how->cli, "--compress does not work with a "
				 "target that is not written front to back");
	return nbd_uri_is(how->name) ? check_server(how) : CLI_GO;
}

static int fits(const struct dest_how *how, const struct nbd_io *io,
		struct vhd_error *err)
{
	char have[SIZE_TEXT], need[SIZE_TEXT];

	if (nbd_io_read_only(io))
		return fail(err, VHD_E_READONLY, how->name, 0,
			    "the NBD server lets nobody write to this disk");
	if (nbd_io_size(io) < vhd_size(how->img))
		return fail(err, VHD_E_INVAL, how->name, 0, "the server's disk "
			    "has %s, %s are needed",
			    size_format(nbd_io_size(io), have),
			    size_format(vhd_size(how->img), need));
	return 0;
}

/* There is no temporary file: what failed is there in part.  A cancelled program
 * says one word, so that comes in front of it. */
static int may_be_torn(const struct dest_how *how, struct nbd_io *io,
		       int rc, struct vhd_error *err)
{
	static const char text[] = "its disk may be written in part";
	size_t used = strlen(err->msg);

	if (sigint_seen()) {
		progress_end(how->pr);
		cli_warn(how->cli, how->name, "%s", text);
		return rc;
	}
	if (nbd_io_lost(io))
		return fail(err, VHD_E_IO, how->name, 0, "the NBD server went "
			    "away; its disk is written in part");
	/* What helps a file on a full disk does not help here. */
	if (rc == VHD_E_NOSPACE)
		return fail(err, VHD_E_IO, how->name, 0, "the NBD server has "
			    "no space left; its disk is written in part");
	snprintf(err->msg + used, sizeof(err->msg) - used, "; %s", text);
	return rc;
}

static int fill(const struct dest_how *how, struct nbd_io *io,
		struct vhd_convert_result *result, struct vhd_error *err)
{
	struct vhd_convert_opts opts = *how->convert;
	int rc;

	if (opts.threads == 0)
		opts.threads = nbd_io_writers(io);
	if (nbd_io_all_zero(io))
		opts.flags |= VHD_CONVERT_TARGET_ZERO;
	rc = vhd_convert_io(how->img, &nbd_io_writer, io, how->name, &opts,
			    result, err);
	if (rc != 0)
		return may_be_torn(how, io, rc, err);
	result->target_size = nbd_io_size(io);
	return 0;
}

static int to_server(const struct dest_how *how,
		     struct vhd_convert_result *result, struct vhd_error *err)
{
	struct nbd_where where = { .name = how->name, .uri = how->name };
	struct nbd_io *io = NULL;
	int rc = nbd_io_open(&where, &io, err);

	if (rc == 0)
		rc = fits(how, io, err);
	if (rc == 0)
		rc = fill(how, io, result, err);
	nbd_io_close(io);
	return rc;
}

int dest_nbd_write(const struct dest_how *how,
		   struct vhd_convert_result *result)
{
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	if (nbd_uri_is(how->name))
		rc = to_server(how, result, &err);
	else
		rc = dest_qemu_write(how, driver_of(how), result, &err);
	progress_end(how->pr);
	if (rc == 0)
		return CLI_OK;
	if (sigint_seen())
		err.code = VHD_E_CANCELLED;
	return error_report(how->cli, &err, how->name);
}
