# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034
#
# Helpers of the command line tests.  Each test is a script of its own that
# sources this file, works in a fresh directory ($T, also the current one), and
# proves one behaviour of the program that $VHD_UTIL names.
#
#	run STATUS COMMAND...	run it, demand that exit status; its output is
#				in $out and $err (files)
#	vu ...			the program
#	signalled SIGNAL COMMAND...	run it and send it that signal
#	qemu_holds FORMAT FILE COMMAND	QEMU has it open and has done that with
#				a sector; qemu_lets_go ends it
#	fail TEXT		end the test
#	requires COMMAND...	skip the test where one is missing
#
# Exit status 77 means skipped.

set -eu
unset SOURCE_DATE_EPOCH NO_COLOR || true
LC_ALL=C
export LC_ALL
umask 022

: "${VHD_UTIL:?is not set}"
T=$(mktemp -d "${TMPDIR:-/tmp}/vhd-cli.XXXXXX")
out=$T/.out
err=$T/.err
cleanup() {
	chmod -R u+rwX "$T" 2>/dev/null || true
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
cd "$T"

vu() {
	"$VHD_UTIL" "$@"
}

skip() {
	echo "skipped: $*"
	exit 77
}

# For what no package could change.
skip_host() {
	echo "skipped(host): $*"
	exit 77
}

requires() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || skip "there is no $tool"
	done
}

fail() {
	echo "FAILED: $*"
	echo "--- last command: ${last:-none}"
	[ ! -e "$out" ] || { echo "--- stdout:"; head -c 4000 "$out"; }
	[ ! -e "$err" ] || { echo "--- stderr:"; head -c 4000 "$err"; }
	exit 1
}

# run STATUS COMMAND...
run() {
	want=$1
	shift
	last=$*
	got=0
	"$@" >"$out" 2>"$err" </dev/null || got=$?
	[ "$got" -eq "$want" ] || fail "exit status $got, not $want"
}

# signalled SIGNAL COMMAND...: run it; once it catches signals, however long it took
# to start, and has had time to do something, it gets that one.  Its status is
# $got: 137, if one signal was not enough.
signalled() {
	signal=$1
	shift
	last="SIG$signal for $*"
	# A background job of a shell ignores INT, and reads nothing.
	{ env --default-signal "$@" <&9 & } 9<&0
	victim=$!
	step=0
	until catches "$victim" || [ $step -ge 600 ]; do
		step=$((step + 1))
		sleep 0.05
	done
	begun
	kill -s "$signal" "$victim" 2>/dev/null || true
	step=0
	while is_running "$victim"; do
		[ $step -ne 1200 ] || kill -s KILL "$victim"
		step=$((step + 1))
		sleep 0.05
	done
	got=0
	wait "$victim" || got=$?
}
# A test may know better when that is.
begun() { sleep 0.5; }
# HUP, INT and TERM, which the shell that becomes the program does not catch all.
catches() {
	mask=$(sed -n 's/^SigCgt:.*\(....\)$/\1/p' "/proc/$1/status" \
		2>/dev/null) && [ $((0x0$mask & 0x4003)) -eq $((0x4003)) ]
}
is_running() {
	grep -qs '^State:.[^XZ]' "/proc/$1/status"
}

# Asking for the file by opening it could lock QEMU out.
qemu_holds() {
	mkfifo .hold
	timeout 300 qemu-io -f "$1" "$2" <.hold >.held 2>&1 &
	holder=$!
	exec 9>.hold
	echo "$3 0 512" >&9
	step=0
	until grep -qs "512/512 bytes" .held; do
		step=$((step + 1))
		[ $step -lt 600 ] || fail "qemu-io: $(cat .held)"
		sleep 0.05
	done
}
qemu_lets_go() {
	exec 9>&-
	wait "$holder" || true
	rm .hold .held
}

# Fixed text in what the last command printed.
out_has() { grep -qF -e "$1" "$out" || fail "stdout lacks: $1"; }
err_has() { grep -qF -e "$1" "$err" || fail "stderr lacks: $1"; }
out_lacks() { ! grep -qF -e "$1" "$out" || fail "stdout has: $1"; }
err_lacks() { ! grep -qF -e "$1" "$err" || fail "stderr has: $1"; }
out_empty() { [ ! -s "$out" ] || fail "stdout is not empty"; }
err_empty() { [ ! -s "$err" ] || fail "stderr is not empty"; }
silent() { out_empty; err_empty; }

# One line that names program and verb, and at most a hint below it.
one_sentence() {
	head -n 1 "$err" | grep -q "^vhd-util $1: " ||
		fail "the message does not start with 'vhd-util $1: '"
	[ "$(grep -vc '^hint: ' "$err")" -eq 1 ] ||
		fail "the message is not one line"
	[ "$(wc -l <"$err")" -le 2 ] || fail "the message is too long"
}

# A usage error: a line, and where to find help; nothing on stdout.
usage_error() {
	out_empty
	[ "$(wc -l <"$err")" -eq 2 ] || fail "not two lines on stderr"
	head -n 1 "$err" | grep -q "^vhd-util $1: " || fail "no verb in front"
	grep -q "^Try 'vhd-util $1 --help'\.\$" "$err" || fail "no pointer"
}

# absent FILE...: none exists, not even as a dangling link.
absent() {
	for gone; do
		if [ -e "$gone" ] || [ -L "$gone" ]; then
			fail "$gone was left behind"
		fi
	done
}

# only FILE...: these and nothing else are in the current directory, the hidden
# files of this script apart.
only() {
	for name; do echo "$name"; done | sort >"$T/.want"
	find . -mindepth 1 -maxdepth 1 ! -name .out ! -name .err ! -name .want \
		! -name .have ! -name .time | sed 's|^\./||' | sort >"$T/.have"
	cmp -s "$T/.want" "$T/.have" ||
		fail "in the directory: $(tr '\n' ' ' <"$T/.have")"
}

# same A B: the same bytes.
same() {
	difference=$(cmp "$1" "$2" 2>&1) || fail "$difference"
}

# starts_with LONG SHORT: LONG is SHORT and then only zeros.
starts_with() {
	short=$(stat -c %s "$2")
	difference=$(cmp -n "$short" "$1" "$2" 2>&1) ||
		fail "$1 is not $2: $difference"
	rest=$(tail -c +$((short + 1)) "$1" | tr -d '\0' | wc -c)
	[ "$rest" -eq 0 ] || fail "$1 has more than zeros after the end of $2"
}

# patch FILE OFFSET: overwrite with the bytes on stdin.
patch() {
	dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# raw_disk FILE: 37 MiB and three sectors, data in awkward places, holes else.
raw_disk() {
	truncate -s $((37 * 1024 * 1024 + 1536)) "$1"
	# The first sectors, a run over the border of two blocks, a lone
	# sector, a whole 2 MiB block, and the last bytes.
	awk 'BEGIN { for (i = 0; i < 3000; i++) printf "%d line\n", i }' |
		patch_blocks "$1" 0
	awk 'BEGIN { for (i = 0; i < 90000; i++) printf "%d over\n", i }' |
		patch_blocks "$1" $((4096 - 3))
	echo alone | patch_blocks "$1" 30001
	awk 'BEGIN { for (i = 0; i < 262144; i++) printf "%07d\n", i }' |
		patch_blocks "$1" $((5 * 4096))
	echo end | patch "$1" $((37 * 1024 * 1024 + 1536 - 4))
}

# As patch, at a sector; fast for large data.
patch_blocks() {
	dd of="$1" bs=512 seek="$2" conv=notrunc iflag=fullblock status=none
}

# json FILE EXPRESSION: print a Python expression of the document d.
json() {
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
print(eval(sys.argv[2]))' "$1" "$2" || fail "$1 is not the JSON expected"
}

# json_is EXPRESSION VALUE: about the last command's output.
json_is() {
	have=$(json "$out" "$1") || exit 1
	[ "$have" = "$2" ] || fail "$1 is $have, not $2"
}

# field NAME: the value of a one-line member in the last output; no Python.
field() {
	sed -n "s/^ *\"$1\": \\([^,]*\\),\\{0,1\\}\$/\\1/p" "$out" | head -n 1
}

# images MIB: one empty image of each kind that can be written, parents with
# data in them included; their names are in $images.
images() {
	mib=$1
	raw_disk parent.raw
	truncate -s "${mib}M" parent.raw
	run 0 vu create --type fixed --size "${mib}M" fixed.vhd
	run 0 vu create --size "${mib}M" dynamic.vhd
	run 0 vu create --block-size 512K --size "${mib}M" small.vhd
	run 0 vu create --type fixed --size "${mib}M" fixed.vhdx
	run 0 vu create --size "${mib}M" dynamic.vhdx
	run 0 vu create --block-size 1M --size "${mib}M" small.vhdx
	run 0 vu create --logical-sector 4096 --size "${mib}M" sector.vhdx
	run 0 vu convert parent.raw base.vhd
	run 0 vu convert parent.raw base.vhdx
	run 0 vu create --parent base.vhd child.vhd
	run 0 vu create --parent base.vhdx child.vhdx
	images="fixed.vhd dynamic.vhd small.vhd fixed.vhdx dynamic.vhdx"
	images="$images small.vhdx sector.vhdx child.vhd child.vhdx"
}

# model IMAGE: the bytes of the disk, as a raw file $model to be kept in step.
model() {
	model=$1.model
	run 0 vu convert --format raw --no-sync "$1" "$model"
}

# put IMAGE OFFSET FILE: write into the disk and into the model.
put() {
	run 0 vu write --offset "$2" "$1" "$3"
	silent
	dd if="$3" of="$model" oflag=seek_bytes seek="$2" bs=1M conv=notrunc \
		status=none
}

# agrees IMAGE: sound, and the bytes of the model.
agrees() {
	run 0 vu check --quiet --chain "$1"
	run 0 vu read --output back "$1"
	same back "$model"
	rm back
}

# noise BYTES: the same ones each time.
noise() {
	awk -v n="$1" 'BEGIN {
		srand(n)
		for (i = 0; i * 8 < n; i++)
			printf "%08d", int(rand() * 100000000)
	}' | head -c "$1"
}
