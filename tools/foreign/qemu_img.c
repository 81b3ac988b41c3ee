/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMDK records its own name, so the file, which has none yet, is made through
 * a link of that name in a folder of ours, where qemu-img runs.
 */
#include "foreign/qemu_img.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "foreign/private_dir.h"
#include "foreign/process.h"

/* The last part of @path, unless it would need quoting where it is recorded. */
static const char *own_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '"' || (*p > 0 && *p < ' '))
			return "disk";
	}
	return name[0] != '\0' && strlen(name) < 250 ? name : "disk";
}

static int run(const char *driver, int fd, const struct private_dir *dir,
	       const char *name, uint64_t size, struct vhd_error *err)
{
	char bytes[24], link[256], text[PROCESS_WORDS];
	const char *const argv[] = { "qemu-img", "create", "-q", "-f", driver,
				     "--", link, bytes, NULL };
	struct process_how how = {
		.argv = argv,
		.fds = &fd,
		.fd_count = 1,
		.listen = -1,
		.dir = dir->path,
	};
	struct process p = PROCESS_NONE;
	int rc, status;

	snprintf(link, sizeof(link), "./%s", name);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	rc = process_start(&how, &p, err);
	if (rc != 0)
		return rc;
	status = process_wait(&p);
	process_said(&p, text);
	process_free(&p);
	if (status == 0)
		return 0;
	return fail(err, VHD_E_IO, NULL, 0, "qemu-img cannot make a %s image: "
		    "%s", driver, text[0] != '\0' ? text : "no reason was given");
}

int qemu_img_create(const char *driver, int fd, const char *path,
		    uint64_t size, struct vhd_error *err)
{
	struct private_dir dir;
	const char *name = own_name(path);
	int rc = private_dir_make(&dir, err);

	if (rc == 0)
		rc = private_dir_link(&dir, name, fd, err);
	if (rc == 0)
		rc = run(driver, fd, &dir, name, size, err);
	private_dir_remove(&dir);
	return rc;
}
