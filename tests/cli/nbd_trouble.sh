#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A server that is not there, fails, goes away or says nothing: one sentence,
# and nothing is left.
. "$(dirname "$0")/nbd_functions.sh"

requires nbdkit timeout ldd
# It is loaded when it is needed: no other verb pays for it.
ldd "$VHD_UTIL" >"$out"
! grep -q libnbd "$out" || fail "vhd-util is linked to libnbd"
raw_disk disk.raw
truncate -s 40M disk.raw
run 0 vu convert disk.raw disk.vhdx

for name in "nbd+unix:///?socket=$T/none" nbd://127.0.0.1:1/x; do
	run 1 vu convert "$name" new.vhdx
	one_sentence convert
	err_has "no NBD server listens there"
	run 1 vu convert disk.vhdx "$name"
	one_sentence convert
	err_has "no NBD server listens there"
done
for name in "nbd://" "nbd+unix://" "nbd+unix:///?socket=" "nbd://[x"; do
	run 1 vu convert "$name" new.vhdx
	one_sentence convert
done
absent new.vhdx

serve memory 40M
run 1 vu convert "nbds+unix:///?socket=$T/sock" new.vhdx
one_sentence convert
err_has "the NBD server knows no TLS"
unserve

# Something that is no NBD server.
if command -v python3 >/dev/null 2>&1; then
	timeout 60 python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("talk")
s.listen()
open("ready", "w").close()
c = s.accept()[0]
c.sendall(b"SSH-2.0-nothing of the kind\r\n")
c.recv(1)' 2>/dev/null &
	while [ ! -e ready ]; do sleep 0.02; done
	run 1 vu convert "nbd+unix:///?socket=$T/talk" new.vhdx
	one_sentence convert
	err_has "the NBD server cannot be used"
	rm -f talk ready
fi

serve --filter=error file disk.raw error-pread-rate=100%
run 1 vu convert "$uri" new.vhdx
one_sentence convert
err_has "cannot read"
err_has "Input/output error"
absent new.vhdx
unserve
serve --filter=error file disk.raw error-extents-rate=100%
run 1 vu convert "$uri" new.vhdx
one_sentence convert
err_has "cannot look for data from 0x0 on: Input/output error"
absent new.vhdx
unserve

# slow ARG...: a server whose requests are seen
slow() {
	rm -f requests
	serve --filter=log --filter=delay "$@" logfile="$T/requests"
}
# asked WHAT: the server got such a request, and does not answer for a while
asked() {
	step=0
	until grep -aqs " $1 id=" requests || [ $step -ge 600 ]; do
		step=$((step + 1))
		sleep 0.05
	done
	sleep 0.3
}

# gone STATUS REQUEST COMMAND...: the server is killed while the command waits for
# what it has requested
gone() {
	want=$1
	request=$2
	shift 2
	# shellcheck disable=SC2086
	(asked "$request"; kill -9 $server) &
	run "$want" timeout -k 1 60 "$VHD_UTIL" "$@"
	wait $! 2>/dev/null || true
	wait $job 2>/dev/null || true
	server=
}
slow file disk.raw delay-read=60
gone 1 Read convert "$uri" new.vhdx
one_sentence convert
err_has "Connection reset by peer"
err_has "hint: the server ended the connection"
absent new.vhdx
slow memory 40M delay-write=60
gone 1 Write convert disk.vhdx "$uri"
one_sentence convert
err_has "the NBD server went away; its disk is written in part"

# A failure of any kind says what became of the server's disk.
serve --filter=error memory 40M error-pwrite-rate=100%
run 1 vu convert disk.vhdx "$uri"
one_sentence convert
err_has "Input/output error"
err_has "; its disk may be written in part"
unserve

# ^C, while the server says nothing: reading, writing, and at the start.
# stopped REQUEST ARG...
stopped() {
	request=$1
	shift
	: >requests
	signalled INT "$VHD_UTIL" convert "$@" >"$out" 2>"$err" </dev/null
	[ $got -eq 130 ] || fail "status $got after SIGINT"
	[ "$(grep -v "its disk may be written in part" "$err")" = \
		"vhd-util convert: cancelled" ] || fail "other words"
}
begun() { asked "$request"; }
slow file disk.raw delay-read=100
stopped Read "$uri" new.vhdx
stopped Read "$uri" new.raw
kill -9 "$server"
wait $job 2>/dev/null || true
slow memory 40M delay-write=100
stopped Write disk.vhdx "$uri"
err_has "vhd-util convert: warning: $uri: its disk may be written in part"
kill -9 "$server"
wait $job 2>/dev/null || true
slow memory 40M delay-open=100
stopped Preconnect disk.vhdx "$uri"
err_lacks "in part"
stopped Preconnect "$uri" new.vhdx
kill -9 "$server"
wait $job 2>/dev/null || true
server=
absent new.vhdx new.raw
clean
