/* SPDX-License-Identifier: BSD-2-Clause */
/* Getting more of a stream: to the window, past it, or into the store. */
#include "io/io_forward_priv.h"

#include <errno.h>
#include <string.h>

#include "base/ckd.h"

static int fail_source(struct vhd_forward *fw, int64_t rc)
{
	fw->fault = FORWARD_SOURCE;
	fw->fault_arg = (uint64_t)-rc;
	/* Who asks again would get what comes after. */
	return (int)(rc == -EINTR ? -ECANCELED : rc);
}

/* The stream is over: what is it that came last? */
static void end_reached(struct vhd_forward *fw)
{
	uint64_t size = fw->pos;

	fw->ended = true;
	if (fw->trailer && fw->fill >= FORWARD_FOOTER)
		size -= fw->trailer(fw->win + fw->fill - FORWARD_FOOTER,
				    fw->pos);
	fw->hold = 0;
	fw->size = size;
}

/* One read; 0 at the end, which is then noted. */
static int64_t source_read(struct vhd_forward *fw, void *buf, size_t len)
{
	int64_t n;

	if (fw->fault == FORWARD_SOURCE)
		return fail_source(fw, -(int64_t)fw->fault_arg);
	if (fw->fault == FORWARD_STORE)
		return -EIO;
	if (fw->ended)
		return 0;
	n = fw->how.read(fw->how.arg, buf, len);
	if (n > (int64_t)len)
		n = -EIO;
	if (n < 0)
		return fail_source(fw, n);
	if (n == 0)
		end_reached(fw);
	fw->pos += (uint64_t)n;
	return n;
}

/* Leaves as much of the window as one may go back. */
static void make_room(struct vhd_forward *fw)
{
	size_t stay = (size_t)min_u64(fw->fill, VHD_FORWARD_BACK);

	memmove(fw->win, fw->win + fw->fill - stay, stay);
	fw->fill = stay;
}

int vhd_forward_pull(struct vhd_forward *fw)
{
	int64_t n;

	if (FORWARD_WINDOW - fw->fill < FORWARD_DIRECT)
		make_room(fw);
	n = source_read(fw, fw->win + fw->fill, FORWARD_WINDOW - fw->fill);
	if (n < 0)
		return (int)n;
	fw->fill += (size_t)n;
	return 0;
}

/* The newest @len bytes, which are at the end of @buf, become the window. */
static void remember(struct vhd_forward *fw, const uint8_t *buf, size_t len)
{
	size_t n = (size_t)min_u64(len, VHD_FORWARD_BACK);
	size_t stay = (size_t)min_u64(fw->fill, VHD_FORWARD_BACK - n);

	memmove(fw->win, fw->win + fw->fill - stay, stay);
	memcpy(fw->win + stay, buf + len - n, n);
	fw->fill = stay + n;
}

int64_t vhd_forward_direct(struct vhd_forward *fw, uint8_t *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		int64_t n = source_read(fw, buf + done, len - done);

		/* What came before a failure has come all the same. */
		if (n < 0 && !done)
			return n;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	remember(fw, buf, done);
	return (int64_t)done;
}

int vhd_forward_keep(struct vhd_forward *fw)
{
	size_t had;
	int rc;

	if (FORWARD_WINDOW - fw->fill < FORWARD_DIRECT)
		make_room(fw);
	had = fw->fill;
	rc = vhd_forward_pull(fw);
	if (rc || fw->fill == had)
		return rc;
	if (!vhd_forward_store_append(&fw->store, fw->win + had, fw->fill - had,
				  &fw->why))
		return 0;
	fw->fault = FORWARD_STORE;
	return fw->why.os_errno ? -fw->why.os_errno : -EIO;
}
