/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_DIRSYNC_H
#define VHD_TOOLS_DIRSYNC_H

/* dirsync_dir - the directory of @path, with a slash; NULL: no memory */
char *dirsync_dir(const char *path);

/* dirsync_name - makes durable what @path is called; 0 or -1 and errno */
int dirsync_name(const char *path);

#endif
