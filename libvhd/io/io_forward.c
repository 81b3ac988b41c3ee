/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream as a file.
 *
 *	0          kept             wstart        pos
 *	|  store    |   gone forever  |   window   |  not here yet
 *
 * Images put into the front what is needed all the time, and payload behind it:
 * the front is kept while the image is opened and its table walked, and then the
 * payload slides by.  Of a file that is laid out otherwise more is kept, in the
 * worst case all of it; nothing else is different.
 *
 * Invariants:
 *
 *	F1  while keeping, store.len is pos; afterwards it does not change
 *	F2  the window ends at pos, and holds the VHD_FORWARD_BACK bytes before it
 *	    or all that came
 *	F3  with a hold, the last bytes are shown to nobody before it is known what
 *	    they are
 *	F4  behind the end are zeros, but nothing that was said to be needed
 */
#include "io/io_forward_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

int vhd_forward_new(const struct vhd_forward_how *how,
		    struct vhd_forward **fw_out, struct vhd_error *err)
{
	struct vhd_forward *fw = vhd_alloc(sizeof(*fw));
	int rc;

	if (!fw || pthread_mutex_init(&fw->lock, NULL)) {
		vhd_free(fw);
		if (how->close)
			how->close(how->arg);
		return vhd_fail_nomem(err);
	}
	fw->how = *how;
	fw->keeping = true;
	fw->size = VHD_FORWARD_SIZE;
	fw->name = vhd_strdup(how->name);
	fw->dir = how->spool_dir ? vhd_strdup(how->spool_dir) : NULL;
	fw->win = vhd_alloc_aligned(4096, FORWARD_WINDOW);
	rc = fw->name && fw->win && (fw->dir || !how->spool_dir)
		? vhd_forward_store_open(&fw->store, fw->dir, fw->name, err)
		: vhd_fail_nomem(err);
	if (rc) {
		vhd_forward_free(fw);
		return rc;
	}
	*fw_out = fw;
	return 0;
}

void vhd_forward_free(struct vhd_forward *fw)
{
	if (!fw)
		return;
	vhd_forward_store_close(&fw->store);
	if (fw->how.close)
		fw->how.close(fw->how.arg);
	pthread_mutex_destroy(&fw->lock);
	vhd_free(fw->pin);
	vhd_free(fw->win);
	vhd_free(fw->dir);
	vhd_free(fw->name);
	vhd_free(fw);
}

static int64_t from_store(struct vhd_forward *fw, void *buf, size_t len,
			  uint64_t off)
{
	struct vhd_error err = { .code = VHD_OK };

	if (!vhd_io_read_padded(fw->store.io, buf, len, off, &err))
		return (int64_t)len;
	return err.os_errno ? -err.os_errno : -EIO;
}

/* While the end is not known: the copy of a VHD's footer. */
static bool is_end_copy(const struct vhd_forward *fw, uint64_t off)
{
	return !fw->ended && !fw->raw && fw->store.len >= FORWARD_FOOTER &&
	       off >= VHD_FORWARD_SIZE - FORWARD_FOOTER &&
	       off < VHD_FORWARD_SIZE;
}

static int64_t past_end(struct vhd_forward *fw, void *buf, size_t len)
{
	if (!fw->raw && fw->need > fw->size) {
		fw->fault = FORWARD_CUT;
		fw->fault_arg = fw->need;
		return -ENODATA;
	}
	memset(buf, 0, len);
	return (int64_t)len;
}

/* Brings @off into reach; 0, or -errno. */
static int reach(struct vhd_forward *fw, uint64_t off)
{
	int rc = 0;

	while (!rc && !fw->ended && off >= fw->pos - min_u64(fw->hold, fw->pos))
		rc = fw->keeping ? vhd_forward_keep(fw) : vhd_forward_pull(fw);
	return rc;
}

/* Of what is kept, the end may be no content. */
static uint64_t shown(const struct vhd_forward *fw)
{
	return fw->store.len - min_u64(fw->raw ? FORWARD_FOOTER : 0,
				       fw->store.len);
}

static int64_t from_window(struct vhd_forward *fw, uint8_t *buf, size_t len,
			   uint64_t off)
{
	uint64_t end = fw->ended ? fw->size : fw->pos - fw->hold;
	uint64_t start = fw->pos - fw->fill;

	if (off >= end)
		return past_end(fw, buf, len);
	if (off < start) {
		fw->fault = FORWARD_BACK;
		fw->fault_arg = off;
		return -ESPIPE;
	}
	len = (size_t)min_u64(len, end - off);
	memcpy(buf, fw->win + (off - start), len);
	return (int64_t)len;
}

static bool is_pinned(const struct vhd_forward *fw, uint64_t off)
{
	return off >= fw->pin_off && off - fw->pin_off < fw->pin_len;
}

static int64_t from_pin(const struct vhd_forward *fw, void *buf, size_t len,
			uint64_t off)
{
	uint64_t in = off - fw->pin_off;

	len = (size_t)min_u64(len, fw->pin_len - in);
	memcpy(buf, fw->pin + in, len);
	return (int64_t)len;
}

static int64_t from_stream(struct vhd_forward *fw, uint8_t *buf, size_t len,
			   uint64_t off)
{
	int64_t n;
	int rc;

	if (!fw->keeping && !fw->hold && off == fw->pos &&
	    len >= FORWARD_DIRECT) {
		n = vhd_forward_direct(fw, buf, len);
		return n ? n : past_end(fw, buf, len);
	}
	rc = reach(fw, off);
	return rc ? rc : from_window(fw, buf, len, off);
}

int64_t vhd_forward_read(struct vhd_forward *fw, uint8_t *buf, size_t len,
			 uint64_t off)
{
	uint64_t at = off - (VHD_FORWARD_SIZE - FORWARD_FOOTER);

	if (is_end_copy(fw, off))
		return from_store(fw, buf, (size_t)min_u64(len, FORWARD_FOOTER -
							   at), at);
	if (off < shown(fw))
		return from_store(fw, buf, (size_t)min_u64(len, shown(fw) -
							   off), off);
	if (is_pinned(fw, off))
		return from_pin(fw, buf, len, off);
	return from_stream(fw, buf, len, off);
}

static int64_t view_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct vhd_forward *fw = h;
	int64_t n;

	pthread_mutex_lock(&fw->lock);
	n = vhd_forward_read(fw, buf, len, off);
	pthread_mutex_unlock(&fw->lock);
	return n;
}

static int64_t view_get_size(void *h)
{
	struct vhd_forward *fw = h;
	uint64_t size;

	pthread_mutex_lock(&fw->lock);
	size = fw->raw ? fw->claim : fw->size;
	pthread_mutex_unlock(&fw->lock);
	return (int64_t)size;
}

/* Holes are known of what is kept; everything else may be data. */
static int view_next_data(void *h, uint64_t off, uint64_t *start_out,
			  uint64_t *end_out)
{
	struct vhd_forward *fw = h;
	uint64_t kept = vhd_forward_kept(fw), start = kept, stop = kept;
	int rc = 0;

	if (off < kept)
		rc = vhd_io_next_data(fw->store.io, off, kept, &start, &stop,
				      NULL);
	if (rc)
		return -EOPNOTSUPP;
	*start_out = max_u64(start, off);
	*end_out = start < kept ? stop : (uint64_t)INT64_MAX;
	return 0;
}

int vhd_forward_view(struct vhd_forward *fw, struct vhd_io **io_out,
		     struct vhd_error *err)
{
	static const struct vhd_io_ops ops = {
		.size = sizeof(struct vhd_io_ops),
		.pread = view_pread,
		.get_size = view_get_size,
		.next_data = view_next_data,
	};

	return vhd_io_new(&ops, fw, fw->name, io_out, err);
}

uint64_t vhd_forward_kept(const struct vhd_forward *fw)
{
	return fw->store.len;
}

bool vhd_forward_ended(const struct vhd_forward *fw, uint64_t *size_out)
{
	if (fw->ended)
		*size_out = fw->size;
	return fw->ended;
}

void vhd_forward_slide(struct vhd_forward *fw)
{
	fw->keeping = false;
}

void vhd_forward_raw(struct vhd_forward *fw, uint64_t size,
		     size_t (*trailer)(const uint8_t last[512], uint64_t end))
{
	fw->raw = true;
	fw->claim = size;
	fw->trailer = trailer;
	fw->hold = FORWARD_FOOTER;
	fw->keeping = false;
}

void vhd_forward_need(struct vhd_forward *fw, uint64_t end)
{
	pthread_mutex_lock(&fw->lock);
	fw->need = max_u64(fw->need, end);
	pthread_mutex_unlock(&fw->lock);
}

uint64_t vhd_forward_needed(const struct vhd_forward *fw)
{
	return fw->need;
}
