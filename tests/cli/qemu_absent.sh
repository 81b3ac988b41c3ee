#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Without QEMU's programs it is said what to install.
. "$(dirname "$0")/nbd_functions.sh"

truncate -s 40M disk.raw
printf 'QFI\373\0\0\0\3' >image
truncate -s 4096 image
mkdir bin

run 1 env PATH="$T/bin" "$VHD_UTIL" convert image new.vhdx
one_sentence convert
err_has "qemu-nbd is needed for this and was not found: install qemu-utils"
run 1 env PATH="$T/bin" "$VHD_UTIL" convert disk.raw new.qcow2
one_sentence convert
err_has "qemu-img is needed for this and was not found: install qemu-utils"

# Programs of that name that do something else.
# shellcheck disable=SC2016 # it is their own process
for text in 'exit 3' 'echo one >&2; echo "qemu-nbd: two" >&2; exit 1' \
	'kill -9 $$' 'exec sleep 1' 'exit 0'; do
	printf '#!/bin/sh\n%s\n' "$text" >bin/qemu-nbd
	cp bin/qemu-nbd bin/qemu-img
	chmod +x bin/*
	run 1 timeout 60 env PATH="$T/bin:$PATH" "$VHD_UTIL" convert image \
		new.vhdx
	one_sentence convert
	cp "$err" first
	case $text in exit\ 0 | exec*) rm bin/qemu-img ;; esac
	run 1 timeout 60 env PATH="$T/bin:$PATH" "$VHD_UTIL" convert \
		disk.raw new.qcow2
	one_sentence convert
done
absent new.vhdx new.qcow2
clean
