/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_STANDARD_H
#define VHD_COMMON_STANDARD_H

/*
 * standard_fill - open what is closed of standard input, output and error
 *
 * Who started us may have closed these numbers, and a file that was opened under
 * one would get what is meant for a person.  Using them fails as before.
 */
void standard_fill(void);

#endif
