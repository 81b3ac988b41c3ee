/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_NBD_LIB_H
#define VHD_TOOLS_FOREIGN_NBD_LIB_H

/*
 * libnbd, loaded when it is needed: with it come two dozen libraries, which would
 * cost every other use of the program more than its work.
 */

#include <libnbd.h>

#include <vhd/vhd.h>

/* What we call of it, without the prefix. */
#define NBD_LIB_FUNCTIONS(F) \
	F(add_meta_context) \
	F(aio_block_status) \
	F(aio_connect_socket) \
	F(aio_connect_uri) \
	F(aio_disconnect) \
	F(aio_flush) \
	F(aio_get_direction) \
	F(aio_get_fd) \
	F(aio_is_closed) \
	F(aio_is_dead) \
	F(aio_is_ready) \
	F(aio_notify_read) \
	F(aio_notify_write) \
	F(aio_pread) \
	F(aio_pwrite) \
	F(aio_zero) \
	F(can_flush) \
	F(can_meta_context) \
	F(can_multi_conn) \
	F(can_zero) \
	F(close) \
	F(create) \
	F(get_block_size) \
	F(get_errno) \
	F(get_error) \
	F(get_size) \
	F(is_read_only) \
	F(set_pread_initialize) \
	F(set_uri_allow_local_file)

struct nbd_lib {
#define MEMBER(name) __typeof__(nbd_##name) *name;
	NBD_LIB_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* Stays loaded.  Returns: 0, VHD_E_UNSUPPORTED. */
int nbd_lib_load(struct nbd_lib *lib, struct vhd_error *err);

#endif
