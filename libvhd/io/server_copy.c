/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel does not say whether it will ask a server or copy by itself: most
 * file systems over a network or a hypervisor can ask, but only in some version of
 * their protocol or with some option, and otherwise fall back in silence.  Name,
 * version and options are in the list of mounts; it is read only where the type of
 * the file system makes it worth while.
 */
#include "io/server_copy.h"

#ifdef __linux__
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* A file system, and an option that has to be among those of the mount: the
 * whole of it, or its beginning where it ends in a dot. */
static const struct {
	const char *type, *option;
} servers[] = {
	{ "nfs4", "vers=4.2" },
	{ "cifs", "vers=2." },
	{ "cifs", "vers=3." },
	{ "smb3", NULL },
	{ "ceph", "copyfrom" },
	{ "virtiofs", NULL },
	{ "fuse.glusterfs", NULL },
};

static bool has_option(const char *list, const char *option)
{
	size_t len = strlen(option);
	bool begins = option[len - 1] == '.';

	for (; *list; list += *list == ',') {
		size_t n = strcspn(list, ", \n");

		if (strncmp(list, option, len) == 0 && (begins || n == len))
			return true;
		list += n;
		if (*list != ',')
			break;
	}
	return false;
}

/* ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [MORE...] - TYPE SOURCE OPTIONS */
bool vhd_server_copies_line(const char *line, unsigned int major,
			    unsigned int minor)
{
	unsigned int got_major, got_minor;
	char type[32], options[2048] = "";
	const char *rest = strstr(line, " - ");

	if (!rest ||
	    sscanf(line, "%*u %*u %u:%u", &got_major, &got_minor) != 2 ||
	    got_major != major || got_minor != minor ||
	    sscanf(rest, " - %31s %*s %2047s", type, options) < 1)
		return false;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		if (strcmp(type, servers[i].type) == 0 &&
		    (!servers[i].option ||
		     has_option(options, servers[i].option)))
			return true;
	return false;
}

/* The types that occur in the table, as statfs(2) numbers them. */
static bool may_copy(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	switch ((unsigned long)fs.f_type & 0xffffffffUL) {
	case 0x6969:		/* NFS */
	case 0xff534d42:	/* CIFS */
	case 0xfe534d42:	/* SMB 2 and 3 */
	case 0x00c36400:	/* Ceph */
	case 0x65735546:	/* FUSE, with virtiofs and Gluster */
		return true;
	default:
		return false;
	}
}

bool vhd_server_copies(int fd)
{
	struct stat st;
	char line[4096];
	bool found = false;
	FILE *f;

	if (!may_copy(fd) || fstat(fd, &st))
		return false;
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = vhd_server_copies_line(line, major(st.st_dev),
					       minor(st.st_dev));
	fclose(f);
	return found;
}
#else
bool vhd_server_copies(int fd)
{
	(void)fd;
	return false;
}

bool vhd_server_copies_line(const char *line, unsigned int major,
			    unsigned int minor)
{
	(void)line;
	(void)major;
	(void)minor;
	return false;
}
#endif
