/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read-disk: open a disk, say what it is, show the start of what a guest sees.
 *
 *	cc read-disk.c $(pkg-config --cflags --libs libvhd) -o read-disk
 *	./read-disk disk.vhdx [OFFSET [LENGTH]]
 *
 * Three steps that every user of the library makes: vhd_open() finds the format
 * and all parents, vhd_pread() reads guest bytes through the whole chain,
 * vhd_close() ends it.  An error is one sentence in an object of the caller.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vhd/vhd.h>

static int report(const struct vhd_error *err)
{
	fprintf(stderr, "read-disk: %s%s%s", err->file,
		err->file[0] ? ": " : "", err->msg);
	if (err->rule)
		fprintf(stderr, " [%s]", err->rule->id);
	fputc('\n', stderr);
	return 1;
}

/* One line for each file of the chain: the image first, then its parents. */
static int print_layers(struct vhd_image *img, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	uint32_t layer;
	int rc;

	for (layer = 0; layer < vhd_layers(img); layer++) {
		rc = vhd_layer_info(img, layer, &info, err);
		if (rc)
			return rc;
		printf("layer %" PRIu32 ": %s, %s %s, block size %" PRIu64
		       ", file of %" PRIu64 " bytes\n",
		       layer, vhd_layer_path(img, layer),
		       vhd_type_name(info.type), vhd_format_name(info.format),
		       info.block_size, info.file_size);
	}
	return 0;
}

static void dump_line(uint64_t off, const unsigned char *p, size_t len)
{
	size_t i;

	printf("%012" PRIx64 " ", off);
	for (i = 0; i < 16; i++) {
		if (i < len)
			printf(" %02x", p[i]);
		else
			printf("   ");
	}
	printf("  |");
	for (i = 0; i < len; i++)
		putchar(isprint(p[i]) ? p[i] : '.');
	printf("|\n");
}

static int dump(struct vhd_image *img, uint64_t off, uint64_t len,
		struct vhd_error *err)
{
	unsigned char line[16];
	int rc;

	while (len) {
		size_t n = len < sizeof(line) ? (size_t)len : sizeof(line);

		rc = vhd_pread(img, line, n, off, err);
		if (rc)
			return rc;
		dump_line(off, line, n);
		off += n;
		len -= n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t off = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	uint64_t len = argc > 3 ? strtoull(argv[3], NULL, 0) : 64;
	struct vhd_image *img = NULL;
	struct vhd_error err;
	int rc;

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "Usage: read-disk FILE [OFFSET [LENGTH]]\n");
		return 2;
	}
	rc = vhd_open(argv[1], NULL, &img, &err);
	if (rc)
		return report(&err);
	printf("%s: a disk of %" PRIu64 " bytes in %" PRIu32 " layer(s), read "
	       "with libvhd %s\n",
	       argv[1], vhd_size(img), vhd_layers(img), vhd_version_string());
	rc = print_layers(img, &err);
	if (!rc)
		rc = dump(img, off, len, &err);
	if (rc)
		report(&err);
	vhd_close(&img, NULL);
	return rc ? 1 : 0;
}
