/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mark is in the table when no boot sector and no file system begins with it;
 * those of a few letters stand at the very start of the file.  A disk image that
 * can as well be read as a raw disk (a hybrid ISO, a flat VMDK) is not in it.
 */
#include "common/foreign.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAR "ustar"
#define CONVERT "make an image of it first: vhd-util convert %f DISK.vhdx"

/**
 * struct foreign - one kind of file
 *
 * @off:  where its mark is
 * @mark: the mark, @len bytes
 * @what: the sentence; also how foreign_way() finds the row again
 * @way:  what to do; "%f" is the file
 * @driver: what QEMU calls it, or NULL
 */
struct foreign {
	size_t off;
	const char *mark;
	size_t len;
	const char *what;
	const char *way;
	const char *driver;
};

#define ROW(off, mark, what, way, driver) \
	{ off, mark, sizeof(mark) - 1, what, way, driver }
#define IMAGE(off, mark, what, driver) \
	ROW(off, mark, "this is " what " image and no raw disk", CONVERT, \
	    driver)
#define PACKED(off, mark, what, how) \
	ROW(off, mark, "this is " what " and no raw disk", \
	    "take the disk out of it first: " how, NULL)

static const struct foreign kinds[] = {
	IMAGE(0, "QFI\xfb", "a qcow2", "qcow2"),
	IMAGE(0, "KDMV", "a VMDK", "vmdk"),
	IMAGE(0, "COWD", "a VMDK", "vmdk"),
	IMAGE(0, "# Disk DescriptorFile", "a VMDK", "vmdk"),
	IMAGE(64, "\x7f\x10\xda\xbe", "a VDI", "vdi"),
	IMAGE(0, "QED\0", "a QED", "qed"),
	IMAGE(0, "WithoutFreeSpace", "a Parallels", "parallels"),
	IMAGE(0, "WithouFreSpacExt", "a Parallels", "parallels"),
	PACKED(0, "\x1f\x8b\x08", "packed with gzip", "gzip -dk %f"),
	PACKED(0, "\xfd" "7zXZ\0", "packed with xz", "xz -dk %f"),
	PACKED(0, "\x28\xb5\x2f\xfd", "packed with zstd", "zstd -d %f"),
	PACKED(0, "\x04\x22\x4d\x18", "packed with lz4", "lz4 -d %f"),
	PACKED(4, "1AY&SY", "packed with bzip2", "bzip2 -dk %f"),
	PACKED(0, "PK\x03\x04", "a zip file", "unzip %f"),
	PACKED(0, "7z\xbc\xaf\x27\x1c", "a 7z file", "7z x %f"),
	PACKED(0, "Rar!\x1a\x07", "a RAR file", "unar %f"),
	PACKED(257, TAR, "a tar file (or an OVA)", "tar -xf %f"),
	PACKED(0, "MSWIM\0\0\0", "a WIM file", "wimapply %f 1 DISK"),
	PACKED(0, "EVF\x09\x0d\x0a\xff\0", "an E01 file",
	       "ewfexport -t DISK -f raw %f"),
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), HEAD = 512 };

/* What there is of the first bytes; never waits. */
static size_t read_head(const char *path, unsigned char *head)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		n = pread(fd, head, HEAD, 0);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

static const struct foreign *find(const unsigned char *head, size_t have)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct foreign *k = &kinds[i];

		if (k->off + k->len <= have &&
		    memcmp(head + k->off, k->mark, k->len) == 0)
			return k;
	}
	return NULL;
}

bool foreign_bytes(const unsigned char *head, size_t len, const char *name,
		   struct vhd_error *err)
{
	const struct foreign *kind = find(head, len);

	if (kind == NULL)
		return false;
	memset(err, 0, sizeof(*err));
	err->code = VHD_E_UNSUPPORTED;
	err->off = VHD_NO_OFFSET;
	snprintf(err->file, sizeof(err->file), "%s", name);
	snprintf(err->msg, sizeof(err->msg), "%s", kind->what);
	return true;
}

bool foreign_file(const char *path, struct vhd_error *err)
{
	unsigned char head[HEAD];

	return foreign_bytes(head, read_head(path, head), path, err);
}

void foreign_explain(struct vhd_error *err, const char *path)
{
	struct vhd_error other;

	if (err->code != VHD_E_FORMAT || err->rule != NULL)
		return;
	if (err->file[0] != '\0')
		path = err->file;
	if (path != NULL && foreign_file(path, &other))
		*err = other;
}

const char *foreign_driver(const unsigned char *head, size_t len)
{
	const struct foreign *kind = find(head, len);

	return kind != NULL ? kind->driver : NULL;
}

bool foreign_tar(const unsigned char *head, size_t len)
{
	const struct foreign *kind = find(head, len);

	return kind != NULL && strcmp(kind->mark, TAR) == 0;
}

const char *foreign_way(const struct vhd_error *err)
{
	if (err->code != VHD_E_UNSUPPORTED || err->rule != NULL)
		return NULL;
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(err->msg, kinds[i].what) == 0)
			return kinds[i].way;
	}
	return NULL;
}
