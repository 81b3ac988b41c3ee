#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# qemu-nbd is told to keep its buffers, unless somebody has told it otherwise, and
# gets the rest of our environment as it is.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd timeout
raw_disk disk.raw
truncate -s 40M disk.raw
run 0 qemu-img convert -f raw -O qcow2 disk.raw image
mkdir bin
cat >bin/qemu-nbd <<-END
	#!/bin/sh
	tr '\\0' '\\n' <"/proc/\$\$/environ" >"$T/environ"
	exec "$(command -v qemu-nbd)" "\$@"
END
chmod +x bin/qemu-nbd

# converts NAME=VALUE...: with these in the environment
converts() {
	rm -f environ new.vhdx
	run 0 timeout 60 env PATH="$T/bin:$PATH" "$@" "$VHD_UTIL" convert image \
		new.vhdx
	silent
	same_disk disk.raw new.vhdx vhdx
}

# told NAME VALUE: that, and nothing else of the name
told() {
	[ "$(grep "^$1=" environ)" = "$1=$2" ] ||
		fail "told: $(grep "^$1=" environ), not $1=$2"
}

unset MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_ MALLOC_TOP_PAD_
converts SOMETHING=else LISTEN_FDNAMES=ours
told MALLOC_MMAP_THRESHOLD_ 33554432
told MALLOC_TRIM_THRESHOLD_ 134217728
told MALLOC_TOP_PAD_ 16777216
told SOMETHING else
told LISTEN_FDS 1
! grep -q LISTEN_FDNAMES environ || fail "somebody else's sockets are named"

converts MALLOC_TRIM_THRESHOLD_=4096 MALLOC_TOP_PAD_=
told MALLOC_MMAP_THRESHOLD_ 33554432
told MALLOC_TRIM_THRESHOLD_ 4096
told MALLOC_TOP_PAD_ ''
clean
