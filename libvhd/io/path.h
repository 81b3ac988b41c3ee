/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_PATH_H
#define VHD_IO_PATH_H

/*
 * Names of files: what the search for parents needs from the file system.
 * Strings that are returned belong to the caller (vhd_free()); NULL means that
 * there is none (or no memory).
 */

#include <stdbool.h>
#include <stddef.h>

/* Absolute, without links; NULL when @path does not exist. */
char *vhd_path_real(const char *path);

/* Directory part, "." when there is none; "/" for "/x". */
char *vhd_path_dir(const char *path);

/* Last component; points into @path. */
const char *vhd_path_base(const char *path);

/* @dir + "/" + @name; @name alone when it is absolute. */
char *vhd_path_join(const char *dir, const char *name);

/* True when @real, without links, is @dir or lies below it. */
bool vhd_path_below(const char *real, const char *dir_real);

/* Path from directory @from to @to, both absolute and without links. */
char *vhd_path_relative(const char *from, const char *to);

bool vhd_path_exists(const char *path);

bool vhd_path_is_file(const char *path);
/* A directory itself, not a link to one. */
bool vhd_path_is_dir(const char *path);

/* Takes away the name of a regular file, no link; false, with errno, when that
 * cannot be. */
bool vhd_path_remove(const char *path);

/*
 * Calls @fn with the names in a directory, without "." and "..", until it
 * returns false.  A directory that cannot be read has none.
 */
void vhd_path_list(const char *dir, bool (*fn)(void *arg, const char *name),
		   void *arg);

/*
 * Looks for @rel below @dir, component by component, without regard to the case
 * of ASCII letters, and without following "..".  Ambiguous names find nothing
 * (VHDX-PATH-05).
 */
char *vhd_path_find_nocase(const char *dir, const char *rel);

#endif
