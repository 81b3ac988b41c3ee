/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chainfloor IMAGE [READS]: what the kernel allows.
 *
 * Asks the library once where each page of the disk is, then reads pages at
 * random from those places with nothing but pread().  A chain's floor beside a
 * flat image's says what part of a chain's price no library can save.  Prints
 * reads for each second of processor time, after as many for a warm-up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <vhd/vhd.h>

enum { PAGE = 4096, EXTENTS = 256 };

struct place {
	off_t off;
	int fd;				/* -1: zeros, nothing to read */
};

static struct place *places_of(struct vhd_image *img, size_t pages)
{
	struct place *p = calloc(pages, sizeof(*p));
	uint64_t off = 0, size = (uint64_t)pages * PAGE;
	struct vhd_extent ext[EXTENTS];
	size_t n;

	while (p && off < size) {
		if (vhd_resolve(img, off, size - off, ext, EXTENTS, &n, NULL)) {
			free(p);
			return NULL;
		}
		for (size_t i = 0; i < n; i++) {
			bool data = ext[i].kind == VHD_EXTENT_DATA;
			uint64_t at = (ext[i].off + PAGE - 1) / PAGE * PAGE;

			for (; at < ext[i].off + ext[i].len; at += PAGE)
				p[at / PAGE] = (struct place){
					data ? (off_t)(ext[i].file_off +
						       (at - ext[i].off)) : 0,
					data ? vhd_layer_fd(img, ext[i].layer)
					     : -1
				};
			off = ext[i].off + ext[i].len;
		}
	}
	return p;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double run(const struct place *p, size_t pages, long reads)
{
	static char buf[PAGE];
	uint64_t x = 88172645463325252u;
	double then = seconds();

	for (long i = 0; i < reads; i++) {
		const struct place *at;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		at = &p[x % pages];
		if (at->fd >= 0 && pread(at->fd, buf, PAGE, at->off) < 0)
			return 0;
	}
	return (double)reads / (seconds() - then);
}

int main(int argc, char **argv)
{
	long reads = argc > 2 ? atol(argv[2]) : 400000;
	struct vhd_image *img = NULL;
	struct vhd_error err;
	struct place *p;
	size_t pages;

	if (argc < 2 || reads <= 0) {
		fputs("Usage: chainfloor IMAGE [READS]\n", stderr);
		return 2;
	}
	if (vhd_open(argv[1], NULL, &img, &err)) {
		fprintf(stderr, "chainfloor: %s: %s\n", err.file, err.msg);
		return 1;
	}
	pages = (size_t)(vhd_size(img) / PAGE);
	p = places_of(img, pages);
	if (p && pages) {
		run(p, pages, reads);
		printf("%.0f\n", run(p, pages, reads));
	}
	free(p);
	vhd_close(&img, NULL);
	return p && pages ? 0 : 1;
}
