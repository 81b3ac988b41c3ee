/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the seed corpora: make_seeds DIRECTORY.  Everything in them comes from
 * the library's own builders and encoders (fuzz_bases.h), and is the same in
 * every run.
 */
#include "fuzz/make_seeds.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_bases.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_mend.h"

static void make_dir(const char *path)
{
	if (mkdir(path, 0777) && errno != EEXIST) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
}

void seed_put(struct seeds *s, const char *driver, const char *name,
	      const void *data, size_t len)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", s->dir, driver);
	make_dir(path);
	snprintf(path, sizeof(path), "%s/%s/%s", s->dir, driver, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	s->count++;
}

void seed_bytes(struct seed *seed, const void *data, size_t len)
{
	seed->data = realloc(seed->data, seed->len + len + 1);
	FUZZ_CHECK(seed->data);
	if (len)
		memcpy(seed->data + seed->len, data, len);
	seed->len += len;
}

void seed_u8(struct seed *seed, uint8_t v)
{
	seed_bytes(seed, &v, sizeof(v));
}

void seed_u16(struct seed *seed, uint16_t v)
{
	le16 raw = le16_make(v);

	seed_bytes(seed, &raw, sizeof(raw));
}

void seed_u32(struct seed *seed, uint32_t v)
{
	le32 raw = le32_make(v);

	seed_bytes(seed, &raw, sizeof(raw));
}

void seed_u64(struct seed *seed, uint64_t v)
{
	le64 raw = le64_make(v);

	seed_bytes(seed, &raw, sizeof(raw));
}

size_t seed_part(struct seed *seed, const struct fuzz_file *f, uint64_t off,
		 size_t len)
{
	uint8_t *buf = malloc(len ? len : 1);

	FUZZ_CHECK(buf);
	fuzz_file_get(f, buf, len, off);
	while (len && !buf[len - 1])
		len--;
	seed_bytes(seed, buf, len);
	free(buf);
	return len;
}

void seed_end(struct seeds *s, struct seed *seed, const char *driver,
	      const char *name)
{
	seed_put(s, driver, name, seed->data ? (void *)seed->data : "",
		 seed->len);
	free(seed->data);
	*seed = (struct seed){ NULL, 0 };
}

static void put_image(struct seeds *s, const char *driver,
		      const struct fuzz_file *f, const char *name,
		      const char *how, uint32_t flags)
{
	char full[64];
	size_t len;
	uint8_t *data = fuzz_input_make(f, flags, &len);

	snprintf(full, sizeof(full), "%s%s", name, how);
	seed_put(s, driver, full, data, len);
	free(data);
}

/* A seed of the repair driver: an image behind a byte that says how. */
static void put_repair(struct seeds *s, const struct fuzz_file *f,
		       const char *name, const char *how, uint8_t consent)
{
	struct seed seed = { NULL, 0 };
	char full[64];
	size_t len;
	uint8_t *data = fuzz_input_make(f, FUZZ_INPUT_RESEAL, &len);

	snprintf(full, sizeof(full), "%s%s", name, how);
	seed_u8(&seed, consent);
	seed_bytes(&seed, data, len);
	seed_end(s, &seed, "repair", full);
	free(data);
}

static void seeds_of_image(struct seeds *s, struct fuzz_file *f,
			   const char *name)
{
	put_image(s, "image", f, name, "", 0);
	put_image(s, "image", f, name, "-reseal", FUZZ_INPUT_RESEAL);
	put_image(s, "check", f, name, "", 0);
	put_image(s, "check", f, name, "-reseal", FUZZ_INPUT_RESEAL);
	put_image(s, "check", f, name, "-deep",
		  FUZZ_INPUT_RESEAL | FUZZ_INPUT_DEEP);
	put_repair(s, f, name, "", FUZZ_MEND_AUTO);
	put_repair(s, f, name, "-all", FUZZ_MEND_ALL | 4);
	put_repair(s, f, name, "-some", FUZZ_MEND_SOME | 0xf8);
	if (strstr(name, "log"))
		put_image(s, "vhdx_replay", f, name, "", FUZZ_INPUT_RESEAL);
	f->short_io = 333;
	put_image(s, "image", f, name, "-flat",
		  FUZZ_INPUT_FLAT | FUZZ_INPUT_TINY_CACHE | FUZZ_INPUT_CHS);
	f->short_io = 0;
}

static void seeds_of_base(struct seeds *s, unsigned which)
{
	struct fuzz_base *base = fuzz_base_make(which);
	const char *name = fuzz_base_name(which);
	struct fuzz_file *f = fuzz_file_new();

	fuzz_file_reset(f, base);
	seeds_of_image(s, f, name);
	if (fuzz_base_format(which) == VHD_FORMAT_VHD)
		seeds_of_vhd(s, f, name);
	else
		seeds_of_vhdx(s, f, name);
	fuzz_file_free(f);
	fuzz_base_free(base);
}

int main(int argc, char **argv)
{
	struct seeds s = { 0 };
	unsigned i;

	if (argc != 2) {
		fprintf(stderr, "usage: make_seeds DIRECTORY\n");
		return 2;
	}
	s.dir = argv[1];
	make_dir(s.dir);
	for (i = 0; i < FUZZ_BASES; i++)
		seeds_of_base(&s, i);
	seeds_by_hand(&s);
	seeds_of_ptable(&s);
	seeds_of_undo(&s);
	printf("%u seed(s)\n", s.count);
	return 0;
}
