/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done with a stream as a whole: keeping it, ending it, and saying what
 * was wrong with it. */
#include "io/io_forward_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

static int fail_now(struct vhd_forward *fw, int rc, struct vhd_error *err)
{
	rc = vhd_fail_errno(err, -rc, VHD_NO_OFFSET, "cannot read the stream");
	return vhd_forward_explain(fw, rc, err);
}

int vhd_forward_fill(struct vhd_forward *fw, uint64_t end,
		     struct vhd_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&fw->lock);
	while (!rc && !fw->ended && fw->pos < end)
		rc = vhd_forward_keep(fw);
	pthread_mutex_unlock(&fw->lock);
	return rc ? fail_now(fw, rc, err) : 0;
}

uint64_t vhd_forward_missing(const struct vhd_forward *fw)
{
	return fw->raw && fw->ended && fw->size < fw->claim
		       ? fw->claim - fw->size : 0;
}

int vhd_forward_take(struct vhd_forward *fw, struct vhd_io **io_out,
		     struct vhd_error *err)
{
	return vhd_forward_store_take(&fw->store, io_out, err);
}

int vhd_forward_pin(struct vhd_forward *fw, uint64_t off, uint64_t len,
		    struct vhd_error *err)
{
	uint64_t start = align_down(off, 4096);
	size_t want = (size_t)(align_up(off + len, 4096) - start), done = 0;
	int64_t n = 0;

	if (want > FORWARD_PIN_MAX)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"its blocks are too large to be read in one "
				"pass: store the stream in a file first");
	if (!fw->pin)
		fw->pin = vhd_alloc_aligned(4096, FORWARD_PIN_MAX);
	if (!fw->pin)
		return vhd_fail_nomem(err);
	pthread_mutex_lock(&fw->lock);
	fw->pin_len = 0;
	while (n >= 0 && done < want) {
		n = vhd_forward_read(fw, fw->pin + done, want - done, start + done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (n >= 0) {
		fw->pin_off = start;
		fw->pin_len = want;
	}
	pthread_mutex_unlock(&fw->lock);
	return n < 0 ? fail_now(fw, (int)n, err) : 0;
}

static int check_length(struct vhd_forward *fw)
{
	bool longer = fw->ended ? fw->size > fw->claim
				: fw->pos > fw->claim + fw->hold;

	if (fw->raw && longer) {
		fw->fault = FORWARD_LONGER;
		fw->fault_arg = fw->claim;
		return -EFBIG;
	}
	if (!fw->raw && fw->ended && fw->need > fw->size) {
		fw->fault = FORWARD_CUT;
		fw->fault_arg = fw->need;
		return -ENODATA;
	}
	return 0;
}

int vhd_forward_drain(struct vhd_forward *fw, struct vhd_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&fw->lock);
	while (!rc && !fw->ended) {
		rc = vhd_forward_pull(fw);
		if (!rc)
			rc = check_length(fw);
	}
	if (!rc)
		rc = check_length(fw);
	pthread_mutex_unlock(&fw->lock);
	return rc ? fail_now(fw, rc, err) : 0;
}

static int explain_source(const struct vhd_forward *fw, struct vhd_error *err)
{
	const char *why = fw->how.why ? fw->how.why(fw->how.arg) : NULL;
	int rc;

	if (fw->fault_arg == EINTR || fw->fault_arg == ECANCELED)
		return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
	if (why)
		rc = vhd_fail(err, VHD_E_IO, "%s", why);
	else
		rc = vhd_fail_errno(err, (int)fw->fault_arg, fw->pos,
				    "cannot read the stream after its first %"
				    PRIu64 " bytes", fw->pos);
	return vhd_err_file(err, rc, fw->name);
}

static int explain_store(const struct vhd_forward *fw, struct vhd_error *err)
{
	if (fw->why.os_errno && fw->dir)
		return vhd_fail_errno(err, fw->why.os_errno, VHD_NO_OFFSET,
				      "cannot store the stream in a temporary "
				      "file in %s, after %" PRIu64 " bytes",
				      fw->dir, fw->pos);
	if (err)
		*err = fw->why;
	return fw->why.code;
}

int vhd_forward_explain(const struct vhd_forward *fw, int rc,
			struct vhd_error *err)
{
	switch (fw->fault) {
	case FORWARD_FINE:
		return rc;
	case FORWARD_SOURCE:
		return explain_source(fw, err);
	case FORWARD_CUT:
		rc = vhd_fail(err, VHD_E_CORRUPT, "the stream ended after %"
			      PRIu64 " bytes, and the image has data up to %"
			      PRIu64 ": it was cut off", fw->size,
			      fw->fault_arg);
		break;
	case FORWARD_BACK:
		rc = vhd_fail(err, VHD_E_UNSUPPORTED, "what lies at 0x%" PRIx64
			      " has passed already: store the stream in a file "
			      "first", fw->fault_arg);
		break;
	case FORWARD_LONGER:
		rc = vhd_fail(err, VHD_E_INVAL, "the stream has more than the "
			      "%" PRIu64 " bytes that the disk is to have",
			      fw->fault_arg);
		break;
	case FORWARD_STORE:
		rc = explain_store(fw, err);
		break;
	}
	return vhd_err_file(err, rc, fw->name);
}
