/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls are played by this file, unless VHD_SHARE_REAL is set: then
 * $TMPDIR is on a file system that shares blocks (tests/share), and what the real
 * ones do is compared with copying.
 */
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

#include "base/ckd.h"
#include "io/io_mem.h"
#include "io/io_posix.h"
#include "io/server_copy.h"
#include "io/share.h"
#include "support/io_tmp.h"

enum { BLOCK = 4096 };

static struct io_tmp *tmp;
static struct vhd_io *dst, *src;

/* What the system answers. */
static struct {
	bool real;
	int clone_errno[2];	/* of the first call and of those after it */
	int copy_errno;
	bool server;
	size_t most;		/* that one copy_file_range() moves */
	unsigned int clones, copies;
} sys;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __wrap_copy_file_range(int in, off_t *in_off, int out, off_t *out_off,
			       size_t len, unsigned int flags);
bool __wrap_vhd_server_copies(int fd);

static void move_bytes(int out, uint64_t out_off, int in, uint64_t in_off,
		       uint64_t len)
{
	char *buf = malloc(len);

	ck_assert_ptr_nonnull(buf);
	ck_assert_int_eq(pread(in, buf, len, (off_t)in_off), (ssize_t)len);
	ck_assert_int_eq(pwrite(out, buf, len, (off_t)out_off), (ssize_t)len);
	free(buf);
}

/* As the kernel's: whole blocks, inside of the source. */
static int play_clone(int fd, const struct file_clone_range *r)
{
	struct stat st;
	int e = sys.clone_errno[sys.clones++ > 0];

	ck_assert_int_eq(fstat((int)r->src_fd, &st), 0);
	if (!e && ((r->src_offset | r->dest_offset | r->src_length) % BLOCK ||
		   r->src_offset + r->src_length > (uint64_t)st.st_size))
		e = EINVAL;
	if (!e)
		move_bytes(fd, r->dest_offset, (int)r->src_fd, r->src_offset,
			   r->src_length);
	errno = e;
	return e ? -1 : 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (sys.real) {
		sys.clones += request == FICLONERANGE;
		return __real_ioctl(fd, request, arg);
	}
	if (request == FICLONERANGE)
		return play_clone(fd, arg);
	ck_assert(request == FIGETBSZ);
	*(int *)arg = BLOCK;
	return 0;
}

ssize_t __wrap_copy_file_range(int in, off_t *in_off, int out, off_t *out_off,
			       size_t len, unsigned int flags)
{
	ck_assert_uint_eq(flags, 0);
	sys.copies++;
	errno = sys.copy_errno;
	if (sys.copy_errno)
		return -1;
	if (len > sys.most)
		len = sys.most;
	move_bytes(out, (uint64_t)*out_off, in, (uint64_t)*in_off, len);
	return (ssize_t)len;
}

bool __wrap_vhd_server_copies(int fd)
{
	ck_assert_int_ge(fd, 0);
	return sys.server;
}

static struct vhd_io *open_file(const char *name, uint64_t size, bool write)
{
	const char *path = io_tmp_file(tmp, name, "", 0);
	struct vhd_io *io;

	ck_assert_int_eq(truncate(path, (off_t)size), 0);
	ck_assert_int_eq(vhd_io_open_posix(path, write ? VHD_POSIX_WRITE : 0,
					   &io, NULL), 0);
	return io;
}

static void put_noise(struct vhd_io *io, uint64_t len, uint64_t off,
		      uint64_t *seed)
{
	uint64_t *buf = malloc(len + 8);

	ck_assert_ptr_nonnull(buf);
	for (uint64_t i = 0; i <= len / 8; i++)
		buf[i] = io_tmp_random(seed);
	ck_assert_int_eq(vhd_io_write(io, buf, len, off, NULL), 0);
	free(buf);
}

static void same_bytes(struct vhd_io *a, uint64_t a_off, struct vhd_io *b,
		       uint64_t b_off, uint64_t len)
{
	char *x = malloc(len), *y = malloc(len);

	ck_assert(x && y);
	ck_assert_int_eq(vhd_io_read(a, x, len, a_off, NULL), 0);
	ck_assert_int_eq(vhd_io_read(b, y, len, b_off, NULL), 0);
	ck_assert_int_eq(memcmp(x, y, len), 0);
	free(x);
	free(y);
}

static void setup(void)
{
	uint64_t seed = 7;

	memset(&sys, 0, sizeof(sys));
	sys.most = SIZE_MAX;
	tmp = io_tmp_new();
	src = open_file("src", 0, true);
	dst = open_file("dst", 0, true);
	put_noise(src, MiB + 100, 0, &seed);
}

static void teardown(void)
{
	vhd_io_close(&src, NULL);
	vhd_io_close(&dst, NULL);
	io_tmp_free(tmp);
}

static void asked(uint64_t dst_off, uint64_t src_off, uint64_t len,
		  enum vhd_share want, uint64_t want_done)
{
	uint64_t done = 99;

	ck_assert_int_eq(vhd_io_share(dst, dst_off, src, src_off, len, &done),
			 want);
	ck_assert_uint_eq(done, want_done);
	if (done)
		same_bytes(dst, dst_off, src, src_off, done);
}

START_TEST(share__whole_blocks_are_shared_and_the_file_grows)
{
	uint64_t size;

	asked(3 * MiB, 0, MiB, VHD_SHARE_DONE, MiB);
	ck_assert_int_eq(vhd_io_size(dst, &size, NULL), 0);
	ck_assert_uint_eq(size, 4 * MiB);
	ck_assert_uint_eq(sys.clones, 1);
}
END_TEST

START_TEST(share__what_does_not_fill_a_block_is_left_to_the_caller)
{
	asked(0, 0, 65536 + 511, VHD_SHARE_DONE, 65536);
	asked(0, BLOCK, MiB, VHD_SHARE_DONE, MiB - BLOCK);
	/* Also where the source ends. */
	asked(0, BLOCK, MiB + 100 - BLOCK, VHD_SHARE_DONE, MiB - BLOCK);
	asked(512, 512, 65536, VHD_SHARE_NOT_HERE, 0);
	asked(0, 512, 65536, VHD_SHARE_NOT_HERE, 0);
	ck_assert_uint_eq(sys.clones, 3);
}
END_TEST

START_TEST(share__nothing_is_asked_for_what_is_quicker_copied)
{
	asked(0, 0, 0, VHD_SHARE_NOT_HERE, 0);
	asked(0, 0, 12288, VHD_SHARE_NOT_HERE, 0);
	asked(0, MiB, MiB, VHD_SHARE_NOT_HERE, 0);
	asked(0, 2 * MiB, MiB, VHD_SHARE_NOT_HERE, 0);
	asked(0, UINT64_MAX, MiB, VHD_SHARE_NOT_HERE, 0);
	asked(INT64_MAX, 0, MiB, VHD_SHARE_NOT_HERE, 0);
	asked(UINT64_MAX & ~4095ull, 0, MiB, VHD_SHARE_NOT_HERE, 0);
	ck_assert_uint_eq(sys.clones, 0);
}
END_TEST

START_TEST(share__one_call_is_one_step)
{
	uint64_t done;

	ck_assert_int_eq(vhd_io_set_size(src, 200 * MiB, NULL), 0);
	ck_assert_int_eq(vhd_io_share(dst, 0, src, 0, 200 * MiB, &done),
			 VHD_SHARE_DONE);
	ck_assert_uint_eq(done, 64 * MiB);
	ck_assert_int_eq(vhd_io_share(dst, 0, src, 190 * MiB, UINT64_MAX,
				      &done), VHD_SHARE_DONE);
	ck_assert_uint_eq(done, 10 * MiB);
}
END_TEST

START_TEST(share__skip_leads_to_the_next_block_or_to_the_end)
{
	static const struct {
		uint64_t dst_off, src_off, len, want;
	} cases[] = {
		{ 512, 512, MiB, 3584 },
		{ 512, 512, 3584 + 16384, 3584 },
		{ 512, 512, 3584 + 16383, 3584 + 16383 },
		{ 512, 512, 100, 100 },
		{ 512, 0, MiB, MiB },
		{ 4608, 512, MiB, 3584 },
		{ 0, 0, 8192, 8192 },
		{ 0, 0, 4 * MiB, MiB },
		{ 0, 0, MiB + 16384, MiB },
		{ 0, 0, MiB + 16383, MiB + 16383 },
		{ BLOCK - 1, BLOCK - 1, 1, 1 },
		{ UINT64_MAX - 511, UINT64_MAX - 511, 512, 512 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(vhd_io_share_skip(dst, cases[i].dst_off,
						    cases[i].src_off,
						    cases[i].len),
				  cases[i].want);
}
END_TEST

/* Nothing that the system says is a failure of ours. */
START_TEST(share__what_the_kernel_says_is_for_here_or_for_good)
{
	static const struct {
		int e;
		enum vhd_share want;
	} cases[] = {
		{ ENOSPC, VHD_SHARE_NOT_HERE }, { EDQUOT, VHD_SHARE_NOT_HERE },
		{ EFBIG, VHD_SHARE_NOT_HERE }, { EIO, VHD_SHARE_NOT_HERE },
		{ ENOMEM, VHD_SHARE_NOT_HERE }, { EINTR, VHD_SHARE_NOT_HERE },
		{ EAGAIN, VHD_SHARE_NOT_HERE }, { EINVAL, VHD_SHARE_NEVER },
		{ EXDEV, VHD_SHARE_NEVER }, { EOPNOTSUPP, VHD_SHARE_NEVER },
		{ ENOTTY, VHD_SHARE_NEVER }, { ENOSYS, VHD_SHARE_NEVER },
		{ ETXTBSY, VHD_SHARE_NEVER }, { EPERM, VHD_SHARE_NEVER },
		{ EBADF, VHD_SHARE_NEVER }, { EROFS, VHD_SHARE_NEVER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sys.clones = 0;
		sys.clone_errno[0] = sys.clone_errno[1] = cases[i].e;
		asked(0, 0, MiB, cases[i].want, 0);
	}
}
END_TEST

START_TEST(share__a_part_that_cannot_be_done_is_no_reason_to_give_up)
{
	sys.clone_errno[0] = EINVAL;
	asked(0, 0, MiB, VHD_SHARE_NOT_HERE, 0);
	ck_assert_uint_eq(sys.clones, 2);
	sys.clones = 0;
	sys.clone_errno[1] = ENOSPC;
	asked(0, 0, MiB, VHD_SHARE_NOT_HERE, 0);
	ck_assert_uint_eq(sys.clones, 2);
}
END_TEST

START_TEST(share__what_is_no_file_or_read_only_is_never_asked_for)
{
	struct vhd_io *file = dst, *ro = open_file("ro", MiB, false);
	struct vhd_io *mem;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &mem, NULL), 0);
	dst = mem;
	asked(0, 0, MiB, VHD_SHARE_NEVER, 0);
	dst = ro;
	asked(0, 0, MiB, VHD_SHARE_NEVER, 0);
	dst = src;
	src = mem;
	asked(0, 0, MiB, VHD_SHARE_NEVER, 0);
	ck_assert_uint_eq(vhd_io_share_skip(mem, 512, 512, MiB), 3584);
	ck_assert_uint_eq(sys.clones, 0);
	src = dst;
	dst = file;
	vhd_io_close(&ro, NULL);
	vhd_io_close(&mem, NULL);
}
END_TEST

START_TEST(share__whether_to_ask_at_all_is_found_out_without_a_change)
{
	struct vhd_io *file = dst, *ro = open_file("ro", MiB, false);
	uint64_t size;

	ck_assert(vhd_io_may_share(dst, src));
	ck_assert(vhd_io_may_share(dst, ro));
	ck_assert(!vhd_io_may_share(ro, src));
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &dst, NULL), 0);
	ck_assert(!vhd_io_may_share(dst, src));
	ck_assert(!vhd_io_may_share(src, dst));
	vhd_io_close(&dst, NULL);
	dst = file;
	sys.clone_errno[0] = sys.clone_errno[1] = EOPNOTSUPP;
	ck_assert(!vhd_io_may_share(dst, src));
	sys.server = true;
	ck_assert(vhd_io_may_share(dst, src));
	sys.clone_errno[0] = sys.clone_errno[1] = EXDEV;
	sys.server = false;
	ck_assert(!vhd_io_may_share(dst, src));
	ck_assert_uint_eq(sys.copies, 0);
	ck_assert_int_eq(vhd_io_size(dst, &size, NULL), 0);
	ck_assert_uint_eq(size, 0);
	vhd_io_close(&ro, NULL);
}
END_TEST

START_TEST(share__a_source_open_for_reading_is_enough)
{
	vhd_io_close(&src, NULL);
	src = open_file("ro", MiB, false);
	asked(0, 0, MiB, VHD_SHARE_DONE, MiB);
}
END_TEST

START_TEST(share__a_server_copies_what_cannot_be_shared)
{
	sys.clone_errno[0] = sys.clone_errno[1] = EOPNOTSUPP;
	asked(0, 0, MiB, VHD_SHARE_NEVER, 0);
	ck_assert_uint_eq(sys.copies, 0);
	sys.server = true;
	asked(0, 0, MiB, VHD_SHARE_DONE, MiB);
	/* It knows no blocks. */
	asked(511, 17, MiB, VHD_SHARE_DONE, MiB);
	asked(511, 17, 2 * MiB, VHD_SHARE_DONE, MiB + 100 - 17);
	ck_assert_uint_eq(sys.copies, 3);
	asked(511, 17, 5000, VHD_SHARE_NOT_HERE, 0);
	ck_assert_uint_eq(sys.copies, 3);
	sys.most = 5000;
	asked(0, 0, MiB, VHD_SHARE_DONE, 5000);
	sys.most = 0;
	asked(0, 0, MiB, VHD_SHARE_NOT_HERE, 0);
	sys.copy_errno = EOPNOTSUPP;
	asked(0, 0, MiB, VHD_SHARE_NEVER, 0);
	sys.copy_errno = ENOSPC;
	asked(0, 0, MiB, VHD_SHARE_NOT_HERE, 0);
}
END_TEST

START_TEST(share__a_server_is_not_asked_for_what_can_be_shared)
{
	sys.server = true;
	asked(0, 0, MiB, VHD_SHARE_DONE, MiB);
	sys.clone_errno[1] = ENOSPC;
	asked(0, 0, MiB, VHD_SHARE_NOT_HERE, 0);
	ck_assert_uint_eq(sys.copies, 0);
}
END_TEST

START_TEST(server_copy__only_where_it_is_known_that_a_server_does_it)
{
	static const struct {
		const char *line;
		bool want;
	} cases[] = {
		{ "36 35 0:61 / /m rw shared:1 - nfs4 a:/b rw,vers=4.2,soft",
		  true },
		{ "36 35 0:61 / /m rw - nfs4 a:/b rw,soft,vers=4.2\n", true },
		{ "36 35 0:61 / /m rw - nfs4 a:/b rw,vers=4.1,soft", false },
		{ "36 35 0:61 / /m rw - nfs a:/b rw,vers=3", false },
		{ "36 35 0:61 / /m rw - nfs4 a:/b rw,vers=4.20", false },
		{ "36 35 0:62 / /m rw - nfs4 a:/b rw,vers=4.2", false },
		{ "36 35 1:61 / /m rw - nfs4 a:/b rw,vers=4.2", false },
		{ "36 35 0:61 / /m rw - cifs //a/b rw,vers=3.1.1", true },
		{ "36 35 0:61 / /m rw - cifs //a/b rw,vers=1.0", false },
		{ "36 35 0:61 / /m rw - smb3 //a/b rw", true },
		{ "36 35 0:61 / /m rw - ceph a:/ rw,acl", false },
		{ "36 35 0:61 / /m rw - ceph a:/ rw,acl,copyfrom", true },
		{ "36 35 0:61 / /m rw - virtiofs tag rw", true },
		{ "36 35 0:61 / /m rw - virtiofs tag", true },
		{ "36 35 0:61 / /m rw a:1 b:2 - fuse.glusterfs a:b rw", true },
		{ "36 35 0:61 / /m rw - fuseblk /dev/sda1 rw", false },
		{ "36 35 0:61 / /m rw - fuse.sshfs a: rw", false },
		{ "36 35 0:61 / /m rw - ext4 /dev/sda1 rw,vers=4.2", false },
		{ "36 35 0:61 / /m rw - nfs4", false },
		{ "36 35 0:61 / /m rw - ", false },
		{ "36 35 0:61 / /m rw nfs4 a:/b rw,vers=4.2", false },
		{ "nonsense", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(vhd_server_copies_line(cases[i].line, 0, 61) ==
			      cases[i].want, "%s", cases[i].line);
}
END_TEST

/* As the copy engine does: share, or copy. Returns what was shared. */
static uint64_t carry(uint64_t dst_off, uint64_t src_off, uint64_t len)
{
	static char buf[4 * MiB];
	uint64_t total = 0;

	while (len) {
		uint64_t n = 0;
		enum vhd_share how = vhd_io_share(dst, dst_off, src, src_off,
						  len, &n);

		total += n;
		ck_assert(how == VHD_SHARE_DONE ? n && n <= len : !n);
		if (how != VHD_SHARE_DONE) {
			n = how == VHD_SHARE_NEVER ? len :
				vhd_io_share_skip(dst, dst_off, src_off, len);
			ck_assert(n && n <= len && n <= sizeof(buf));
			ck_assert_int_eq(vhd_io_read_padded(src, buf, n,
							    src_off, NULL), 0);
			ck_assert_int_eq(vhd_io_write(dst, buf, n, dst_off,
						      NULL), 0);
		}
		dst_off += n;
		src_off += n;
		len -= n;
	}
	return total;
}

enum { SPACE = 4 << 20 };

static uint64_t pick(uint64_t *seed, uint64_t limit)
{
	static const uint64_t grains[] = { 1, 512, BLOCK, BLOCK, 65536 };
	uint64_t grain = grains[io_tmp_random(seed) % 5];

	return io_tmp_random(seed) % limit / grain * grain;
}

/* One random change of a file, and of what it should be. */
static void change(struct vhd_io *io, uint8_t *model, uint64_t *seed)
{
	uint64_t off = pick(seed, SPACE);
	uint64_t len = 1 + pick(seed, SPACE - off) / 8;
	uint64_t size;

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	switch (io_tmp_random(seed) % 4) {
	case 0:
		ck_assert_int_eq(vhd_io_punch(io, len, off, NULL), 0);
		memset(model + off, 0, len);
		break;
	case 1:
		ck_assert_int_eq(vhd_io_flush(io, NULL), 0);
		break;
	default:
		put_noise(io, len, off, seed);
		ck_assert_int_eq(vhd_io_read(io, model + off, len, off, NULL),
				 0);
	}
}

static void is_model(struct vhd_io *io, const uint8_t *model)
{
	static uint8_t buf[SPACE];

	ck_assert_int_eq(vhd_io_read_padded(io, buf, SPACE, 0, NULL), 0);
	ck_assert_int_eq(memcmp(buf, model, SPACE), 0);
}

START_TEST(share__any_sequence_of_sharing_and_writing_is_as_copying)
{
	static uint8_t d[SPACE], s[SPACE];
	uint64_t seed = 4711, shared = 0;

	sys.real = getenv("VHD_SHARE_REAL") != NULL;
	ck_assert(vhd_io_may_share(dst, src));
	ck_assert_int_eq(vhd_io_set_size(src, 0, NULL), 0);
	for (int i = 0; i < 1500; i++) {
		uint64_t so = pick(&seed, SPACE), off = pick(&seed, SPACE);
		uint64_t most = min_u64(SPACE - so, SPACE - off);
		uint64_t len = 1 + pick(&seed, most);

		change(src, s, &seed);
		change(dst, d, &seed);
		len = min_u64(len, most);
		/* So that no byte of the source lies past its end. */
		ck_assert_int_eq(vhd_io_set_size(src, SPACE - 100, NULL), 0);
		memset(s + SPACE - 100, 0, 100);
		shared += carry(off, so, len);
		memcpy(d + off, s + so, len);
		if (i % 50 == 0) {
			is_model(src, s);
			is_model(dst, d);
		}
	}
	is_model(src, s);
	is_model(dst, d);
	ck_assert_uint_gt(shared, SPACE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("share");
	TCase *tc = tcase_create("share");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, teardown);
	if (!getenv("VHD_SHARE_REAL")) {
		tcase_add_test(tc, share__whole_blocks_are_shared_and_the_file_grows);
		tcase_add_test(tc, share__what_does_not_fill_a_block_is_left_to_the_caller);
		tcase_add_test(tc, share__nothing_is_asked_for_what_is_quicker_copied);
		tcase_add_test(tc, share__one_call_is_one_step);
		tcase_add_test(tc, share__skip_leads_to_the_next_block_or_to_the_end);
		tcase_add_test(tc, share__what_the_kernel_says_is_for_here_or_for_good);
		tcase_add_test(tc, share__a_part_that_cannot_be_done_is_no_reason_to_give_up);
		tcase_add_test(tc, share__what_is_no_file_or_read_only_is_never_asked_for);
		tcase_add_test(tc, share__whether_to_ask_at_all_is_found_out_without_a_change);
		tcase_add_test(tc, share__a_source_open_for_reading_is_enough);
		tcase_add_test(tc, share__a_server_copies_what_cannot_be_shared);
		tcase_add_test(tc, share__a_server_is_not_asked_for_what_can_be_shared);
		tcase_add_test(tc, server_copy__only_where_it_is_known_that_a_server_does_it);
	}
	tcase_add_test(tc, share__any_sequence_of_sharing_and_writing_is_as_copying);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
