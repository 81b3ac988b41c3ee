/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "codec/vhdx_locator.h"
#include "vhdx/vhdx_build_priv.h"

/*
 * A child records its parent's DataWriteGuid and where to look for it.  Paths
 * are in the language of Windows: a relative one always, an absolute one only
 * when the caller knows it; never one of POSIX, and never an invented volume
 * (VHDX-PATH-07).  What Windows has no name for is refused (VHDX-PATH-08).
 */

enum { LOCATOR_ROOM = 3 * 65536 };	/* two paths of 64 KiB and the rest */

/* In names of Windows; '/' separates in ours. */
static bool char_is_forbidden(char c)
{
	return (unsigned char)c < 32 || strchr("\\:*?\"<>|", c);
}

/* @len bytes of one component. */
static bool component_ok(const char *name, size_t len)
{
	if (!len)
		return false;
	if ((len == 1 && name[0] == '.') ||
	    (len == 2 && name[0] == '.' && name[1] == '.'))
		return true;
	for (size_t i = 0; i < len; i++) {
		if (char_is_forbidden(name[i]))
			return false;
	}
	return name[len - 1] != '.' && name[len - 1] != ' ';
}

static bool relative_ok(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!component_ok(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

static void slashes_turn(char *path)
{
	for (; *path; path++) {
		if (*path == '/')
			*path = '\\';
	}
}

/* @prefix + @path from its byte @skip on, with backslashes. */
static int path_make(const char *prefix, const char *path, size_t skip,
		     char **out, struct vhd_error *err)
{
	size_t room = strlen(prefix) + strlen(path) - skip + 1;
	char *s = vhd_alloc(room);

	if (!s)
		return vhd_fail_nomem(err);
	snprintf(s, room, "%s%s", prefix, path + skip);
	slashes_turn(s);
	*out = s;
	return 0;
}

static int relative_make(const char *path, char **out, struct vhd_error *err)
{
	bool up = !strncmp(path, "../", 3);

	if (!relative_ok(path))
		return vhd_fail(err, VHD_E_INVAL,
				"path of the parent, %s, cannot be written as"
				" a relative path of Windows", path);
	return path_make(up ? "" : ".\\", path, 0, out, err);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_separator(char c)
{
	return c == '\\' || c == '/';
}

/* Extended-length form of an absolute path (VHDX-PAR-16). */
static int absolute_make(const char *path, char **out, struct vhd_error *err)
{
	if (!strncmp(path, "\\\\?\\", 4) && path[4])
		return path_make("", path, 0, out, err);
	if (is_letter(path[0]) && path[1] == ':' && is_separator(path[2]))
		return path_make("\\\\?\\", path, 0, out, err);
	if (is_separator(path[0]) && is_separator(path[1]) && path[2] &&
	    path[2] != '?' && !is_separator(path[2]))
		return path_make("\\\\?\\UNC\\", path, 2, out, err);
	return vhd_fail(err, VHD_E_INVAL,
			"%s is not an absolute path of Windows", path);
}

static int pairs_encode(const struct vhd_guid *id, const char *absolute,
			const char *relative, uint8_t **item_out,
			uint32_t *len_out, struct vhd_error *err)
{
	struct vhdx_locator_kv kv[3];
	char text[VHD_GUID_TEXT], linkage[VHD_GUID_TEXT + 2];
	size_t n = 0, len;
	uint8_t *item = vhd_alloc(LOCATOR_ROOM);

	if (!item)
		return vhd_fail_nomem(err);
	vhd_guid_format(id, text);
	snprintf(linkage, sizeof(linkage), "{%s}", text);
	kv[n++] = (struct vhdx_locator_kv){
		vhdx_key_name(VHDX_KEY_LINKAGE), linkage };
	if (absolute)
		kv[n++] = (struct vhdx_locator_kv){
			vhdx_key_name(VHDX_KEY_ABSOLUTE), absolute };
	if (relative)
		kv[n++] = (struct vhdx_locator_kv){
			vhdx_key_name(VHDX_KEY_RELATIVE), relative };
	if (!vhdx_locator_encode(kv, n, item, LOCATOR_ROOM, &len)) {
		vhd_free(item);
		return vhd_fail(err, VHD_E_INVAL,
				"path of the parent is too long or is not"
				" UTF-8");
	}
	*item_out = item;
	*len_out = (uint32_t)len;
	return 0;
}

int vhdx_build_locator(const struct vhd_build *what, uint8_t **item_out,
		       uint32_t *len_out, struct vhd_error *err)
{
	char *absolute = NULL, *relative = NULL;
	int rc = 0;

	if (what->parent_raw)
		return vhd_fail(err, VHD_E_INVAL,
				"a VHDX cannot have a raw disk as its parent");
	if (vhd_guid_is_zero(&what->parent_id))
		return vhd_fail(err, VHD_E_INVAL,
				"parent has no DataWriteGuid to recognise it"
				" by");
	if (!what->parent_relative && !what->parent_windows)
		return vhd_fail(err, VHD_E_INVAL,
				"a differencing disk needs a path to its"
				" parent");
	if (what->parent_relative)
		rc = relative_make(what->parent_relative, &relative, err);
	if (!rc && what->parent_windows)
		rc = absolute_make(what->parent_windows, &absolute, err);
	if (!rc)
		rc = pairs_encode(&what->parent_id, absolute, relative,
				  item_out, len_out, err);
	vhd_free(relative);
	vhd_free(absolute);
	return rc;
}
