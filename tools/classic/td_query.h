/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_TD_QUERY_H
#define VHD_TOOLS_CLASSIC_TD_QUERY_H

/* td_query - "query vhd -vpfdb FILE", @argv[0] being "query"; -1: wrong use */
int td_query(int argc, char **argv);

#endif
