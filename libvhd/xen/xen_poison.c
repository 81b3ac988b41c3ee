/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_poison.h"

#include <string.h>

#include "base/fail.h"
#include "vhd1/vhd1.h"

static void put_cookie(uint8_t raw[VHD1_FOOTER_LEN], const char *cookie)
{
	struct vhd1_footer_disk d;

	memcpy(&d, raw, sizeof(d));
	memcpy(d.cookie, cookie, sizeof(d.cookie));
	memcpy(raw, &d, sizeof(d));
	d.checksum = be32_make(vhd1_checksum(raw, sizeof(d),
			       offsetof(struct vhd1_footer_disk, checksum)));
	memcpy(raw, &d, sizeof(d));
}

void vhd_xen_poison_put(uint8_t raw[VHD1_FOOTER_LEN])
{
	put_cookie(raw, VHD1_COOKIE_POISON);
}

void vhd_xen_poison_take(uint8_t raw[VHD1_FOOTER_LEN])
{
	put_cookie(raw, VHD1_COOKIE);
}

bool vhd_xen_is_footer(const struct vhd1_copy *c)
{
	return vhd1_sealed(c->seal) || vhd1_copy_poisoned(c);
}

static int load(struct vhd_io *image, struct vhd1_copies *c,
		struct vhd_error *err)
{
	uint64_t size = 0;
	int rc = vhd_io_size(image, &size, err);

	return rc ? rc : vhd1_copies_load(image, size, c, err);
}

static int put(struct vhd_io *image, struct vhd1_copy *c, bool *done,
	       struct vhd_error *err)
{
	if (!vhd1_sealed(c->seal))
		return 0;
	*done = true;
	vhd_xen_poison_put(c->raw);
	return vhd_io_write(image, c->raw, sizeof(c->raw), c->off, err);
}

int vhd_xen_poison(struct vhd_io *image, struct vhd_error *err)
{
	struct vhd1_copies c;
	bool done = false;
	int rc = load(image, &c, err);

	/* The last one is the one that counts. */
	if (!rc)
		rc = put(image, &c.tail, &done, err);
	if (!rc)
		rc = put(image, &c.front, &done, err);
	return !rc && done ? vhd_io_flush(image, err) : rc;
}

static void count_error(void *arg, const struct vhd_rule *rule, uint64_t off,
			const char *msg)
{
	unsigned *errors = arg;

	(void)off;
	(void)msg;
	if (rule->severity >= VHD_SEV_ERROR)
		++*errors;
}

/* Opens, and a check finds no error. */
static int whole_check(struct vhd_io *image, struct vhd_error *err)
{
	unsigned errors = 0;
	struct vhd_sink sink = { count_error, &errors };
	struct vhd_engine_open req = {
		.io = image, .sink = sink,
		.flags = VHD_OPEN_POISONED | VHD_OPEN_CIPHERTEXT |
			 VHD_OPEN_XEN_PARENT,
	};
	struct vhd_engine_check check = { .sink = sink };
	void *eng = NULL;
	int rc = vhd1_engine.open(&req, &eng, err);

	if (rc)
		return rc;
	rc = vhd1_engine.check(eng, &check, err);
	vhd1_engine.close(eng);
	if (!rc && errors)
		return vhd_fail(err, VHD_E_CORRUPT, "the journal says that the "
				"resize is over, and %u structures of the "
				"image are not as they should be", errors);
	return rc;
}

static int take(struct vhd_io *image, struct vhd1_copy *c,
		struct vhd_error *err)
{
	int rc;

	vhd_xen_poison_take(c->raw);
	rc = vhd_io_write(image, c->raw, sizeof(c->raw), c->off, err);
	return rc ? rc : vhd_io_flush(image, err);
}

int vhd_xen_unpoison(struct vhd_io *image, struct vhd_error *err)
{
	struct vhd1_copies c;
	int rc = load(image, &c, err);

	if (rc || (!vhd1_copy_poisoned(&c.front) &&
		   !vhd1_copy_poisoned(&c.tail)))
		return rc;
	if (!vhd_xen_is_footer(&c.front) || !vhd_xen_is_footer(&c.tail) ||
	    !vhd1_copies_same(&c))
		return vhd_fail(err, VHD_E_CORRUPT, "the journal says that the "
				"resize is over, and the footers of the image "
				"are not the same");
	rc = whole_check(image, err);
	if (!rc)
		rc = take(image, &c.front, err);
	return rc ? rc : take(image, &c.tail, err);
}
