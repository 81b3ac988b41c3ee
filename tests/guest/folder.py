# SPDX-License-Identifier: BSD-2-Clause
"""A folder for a test that mounts things in it.

Whatever ends the test, SIGKILL included, no mount and no file is left: a small
shell in a session of its own waits for the end of a pipe that only the test
holds open, and then cleans up what the test did not.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile

JANITOR = r"""
cat >/dev/null
test -d "$1" || exit 0
sleep 1
while read -r _ point _; do
	case $point in
	"$1"/*) fusermount3 -u -z "$point" ;;
	esac
done </proc/self/mounts
rm -rf "$1"
"""


@contextlib.contextmanager
def folder():
    """Yields the path of an empty folder, which is gone afterwards."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    path = tempfile.mkdtemp(prefix="vhd-guest.")
    janitor = subprocess.Popen(["sh", "-c", JANITOR, "janitor", path],
                               stdin=subprocess.PIPE, start_new_session=True,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        yield path
        shutil.rmtree(path)
    finally:
        janitor.stdin.close()
        janitor.wait()
