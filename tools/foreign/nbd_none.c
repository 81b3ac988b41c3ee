/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In the place of source_nbd.c and dest_nbd.c where there is no libnbd: names
 * that it would be needed for are known, and refused.
 */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/foreign.h"
#include "dest.h"
#include "errors.h"
#include "foreign/nbd_uri.h"
#include "source.h"

static bool is_foreign(const char *name)
{
	static const char *const formats[] = { "qcow2", "vmdk", "vdi" };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcasecmp(name, formats[i]) == 0)
			return true;
	}
	return false;
}

/* Is it an image of another program that QEMU would read? */
static bool qemu_reads(const struct source_how *how)
{
	unsigned char head[512];
	struct vhd_error err;
	ssize_t n = -1;
	int fd;

	if (how->open->opts.format != VHD_FORMAT_AUTO ||
	    !cli_foreign_parent(how->open, how->name, &err))
		return false;
	fd = open(how->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0) {
		n = pread(fd, head, sizeof(head), 0);
		close(fd);
	}
	return n > 0 && foreign_driver(head, (size_t)n) != NULL;
}

int source_nbd_open(const struct source_how *how, struct source *src,
		    bool *mine_out)
{
	(void)src;
	*mine_out = nbd_uri_is(how->name) || qemu_reads(how);
	if (!*mine_out)
		return CLI_GO;
	return error_say(how->cli, how->name,
			 nbd_uri_is(how->name) ? NULL :
			 "qemu-img convert -O raw makes a raw disk of it, which "
			 "can be read", "vhd-util was built without libnbd, "
			 "which is needed to read this");
}

bool dest_foreign_format(const char *name)
{
	return is_foreign(name);
}

bool dest_nbd_is(const struct dest_how *how)
{
	const char *dot = strrchr(how->name, '.');

	return nbd_uri_is(how->name) || how->foreign != NULL ||
	       (how->convert->create.format == VHD_FORMAT_AUTO && dot != NULL &&
		is_foreign(dot + 1));
}

int dest_nbd_check(const struct dest_how *how)
{
	return error_say(how->cli, how->name, NULL, "vhd-util was built "
			 "without libnbd, which is needed to write this");
}

int dest_nbd_write(const struct dest_how *how,
		   struct vhd_convert_result *result)
{
	(void)result;
	return dest_nbd_check(how);
}
