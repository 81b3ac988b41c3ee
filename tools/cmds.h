/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CMDS_H
#define VHD_TOOLS_CMDS_H

#include "cli.h"

extern const struct cmd cmd_create;
extern const struct cmd cmd_info;
extern const struct cmd cmd_convert;
extern const struct cmd cmd_check;
extern const struct cmd cmd_lint;
extern const struct cmd cmd_repair;
extern const struct cmd cmd_salvage;
extern const struct cmd cmd_map;
extern const struct cmd cmd_read;
extern const struct cmd cmd_write;
extern const struct cmd cmd_trim;
extern const struct cmd cmd_compact;
extern const struct cmd cmd_chain;
extern const struct cmd cmd_rebase;
extern const struct cmd cmd_relink;
extern const struct cmd cmd_resize;
extern const struct cmd cmd_set;
extern const struct cmd cmd_snapshot;
extern const struct cmd cmd_merge;
extern const struct cmd cmd_flatten;
extern const struct cmd cmd_compare;
extern const struct cmd cmd_changes;
extern const struct cmd cmd_diff;
extern const struct cmd cmd_digest;
extern const struct cmd cmd_bench;

#endif
