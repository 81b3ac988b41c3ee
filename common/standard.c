/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void standard_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY
								    : O_RDONLY);
	}
}
