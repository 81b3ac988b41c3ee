/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nbdkit-vhd-plugin: serves a VHD or VHDX image to NBD clients.
 *
 * The image is open once, whatever the number of connections (disk.c); what a
 * connection sees of it is an export (export.c).  Requests of all connections
 * run beside each other, and a flush on one covers the writes of all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <vhd/vhd.h>

#include "api.h"
#include "config.h"
#include "disk.h"
#include "export.h"
#include "io.h"
#include "names.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* nbdkit's calls before a connection carry no pointer of ours. */
static struct {
	struct config config;
	struct disk disk;
} server = {
	.disk = { .lock = PTHREAD_MUTEX_INITIALIZER },
};

static int plugin_config(const char *key, const char *value)
{
	return config_key(&server.config, key, value);
}

static int plugin_config_complete(void)
{
	return config_done(&server.config);
}

static int plugin_get_ready(void)
{
	if (disk_start(&server.disk, &server.config))
		return -1;
	return exports_list(&server.disk, NULL);
}

/* When nbdkit has tidied up, with its status 0: a service manager has to know. */
static void exit_failed(void)
{
	fflush(NULL);
	_exit(EXIT_FAILURE);
}

static void plugin_cleanup(void)
{
	if (disk_end(&server.disk))
		atexit(exit_failed);
}

/* Also after a start that failed, where there is no cleanup. */
static void plugin_unload(void)
{
	plugin_cleanup();
	config_free(&server.config);
}

static void plugin_dump(void)
{
	printf("vhd_version=%s\n", vhd_version_string());
	printf("vhd_formats=%s %s %s\n", vhd_format_name(VHD_FORMAT_VHD),
	       vhd_format_name(VHD_FORMAT_VHDX),
	       vhd_format_name(VHD_FORMAT_RAW));
}

static void *plugin_open(int readonly)
{
	const char *name = nbdkit_export_name();

	if (name == NULL)
		return NULL;
	return export_open(&server.disk, name, readonly);
}

static void plugin_close(void *handle)
{
	export_close(handle);
}

static int plugin_list_exports(int readonly, int is_tls,
			       struct nbdkit_exports *list)
{
	(void)readonly;
	(void)is_tls;
	return exports_list(&server.disk, list);
}

static const char *plugin_default_export(int readonly, int is_tls)
{
	struct name name = name_default(&server.config);
	char text[NAME_TEXT];

	(void)readonly;
	(void)is_tls;
	name_print(&name, text);
	return nbdkit_strdup_intern(text);
}

static const char *plugin_export_description(void *handle)
{
	const struct export *ex = handle;

	return ex->text;
}

static int64_t plugin_get_size(void *handle)
{
	const struct export *ex = handle;

	return (int64_t)ex->len;
}

static int plugin_block_size(void *handle, uint32_t *minimum,
			     uint32_t *preferred, uint32_t *maximum)
{
	const struct export *ex = handle;

	*minimum = 1;
	*preferred = ex->unit;
	*maximum = UINT32_MAX;
	return 0;
}

static int plugin_can_change(void *handle)
{
	const struct export *ex = handle;

	return ex->writable;
}

static int plugin_can_fua(void *handle)
{
	return plugin_can_change(handle) ? NBDKIT_FUA_NATIVE : NBDKIT_FUA_NONE;
}

static int plugin_can_always(void *handle)
{
	(void)handle;
	return 1;
}

static int plugin_can_cache(void *handle)
{
	(void)handle;
	return NBDKIT_CACHE_NATIVE;
}

static int plugin_is_rotational(void *handle)
{
	(void)handle;
	return 0;
}

static struct nbdkit_plugin plugin = {
	.name = "vhd",
	.longname = "VHD and VHDX virtual disks",
	.version = VHD_VERSION_STRING,
	.description = "Serves virtual disks in VHD and VHDX files, with their "
		       "parents and partitions.",
	.magic_config_key = "file",
	.config_help = config_help,
	.config = plugin_config,
	.config_complete = plugin_config_complete,
	.dump_plugin = plugin_dump,
	.get_ready = plugin_get_ready,
	.cleanup = plugin_cleanup,
	.unload = plugin_unload,
	.open = plugin_open,
	.close = plugin_close,
	.list_exports = plugin_list_exports,
	.default_export = plugin_default_export,
	.export_description = plugin_export_description,
	.get_size = plugin_get_size,
	.block_size = plugin_block_size,
	.is_rotational = plugin_is_rotational,
	.can_write = plugin_can_change,
	.can_flush = plugin_can_change,
	.can_trim = plugin_can_change,
	.can_zero = plugin_can_change,
	.can_fast_zero = plugin_can_change,
	.can_fua = plugin_can_fua,
	.can_multi_conn = plugin_can_always,
	.can_extents = plugin_can_always,
	.can_cache = plugin_can_cache,
	.pread = io_pread,
	.pwrite = io_pwrite,
	.flush = io_flush,
	.trim = io_trim,
	.zero = io_zero,
	.cache = io_cache,
	.extents = io_extents,
	.errno_is_preserved = 1,
};

/* Defined by the macro, which declares nothing. */
struct nbdkit_plugin *plugin_init(void);
NBDKIT_REGISTER_PLUGIN(plugin)
