/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metadata that an engine writes past the writer, because all of it has to be in
 * the file at once or nothing: nobody else writes meanwhile, and a failure after
 * which nothing may be written any more counts for the writer as well.
 */
#include "write/writer_priv.h"

/* The thread, if there is one, may still be giving back space. */
static void thread_rest(struct vhd_writer *w)
{
	vhd_writer_thread_stop(w);
	pthread_mutex_lock(&w->lock);
	w->stop = false;
	pthread_mutex_unlock(&w->lock);
}

int vhd_writer_calm(struct vhd_writer *w, struct vhd_error *err)
{
	int rc = vhd_writer_ready(w, err);

	if (!rc)
		rc = vhd_writer_commit(w, VHD_COMMIT_LAZY, err);
	if (!rc)
		thread_rest(w);
	return rc;
}

int vhd_writer_aside(struct vhd_writer *w,
		     int (*step)(void *eng, void *arg, struct vhd_error *err),
		     void *arg, struct vhd_error *err)
{
	struct vhd_error why = { 0 };
	int rc = vhd_writer_calm(w, err);

	if (rc)
		return rc;
	rc = step(w->eng, arg, &why);
	return rc ? vhd_writer_failed(w, rc, &why, err) : 0;
}
