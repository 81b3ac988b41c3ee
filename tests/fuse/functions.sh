# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034,SC2317
#
# Helpers of the tests on real mounts, on top of those of the command line
# tests.  A script that sources this file is started again in a box: a mount
# namespace and a process namespace of its own, which take every mount and every
# process with them when the script ends, however it ends.  Loop devices know
# no namespaces; the outer script detaches what is left of them.
#
#	up IMAGE MOUNTPOINT [OPTION]...	mount; the process is $daemon
#	down MOUNTPOINT			unmount, and see the process end well
#	loop_add [OPTION]... FILE	attach; the device is $loop
#	loop_del DEVICE
#	eventually COMMAND...		it succeeds within ten seconds
#	user_ready; as_user COMMAND...	as somebody without any rights

: "${VHDFUSE:?is not set}"

if [ -z "${VHD_FUSE_BOX-}" ]; then
	box() { setpriv --pdeathsig KILL unshare -m -p -f --kill-child --mount-proc "$@"; }

	if [ "$(id -u)" -ne 0 ]; then
		echo "SKIP(host): only root may make mount namespaces"
		exit 77
	elif [ ! -c /dev/fuse ]; then
		echo "SKIP(host): there is no FUSE on this machine"
		exit 77
	elif ! box true 2>/dev/null; then
		echo "SKIP(host): mount namespaces are not allowed here"
		exit 77
	fi
	# Tables of mounts write blanks in another way.
	case ${TMPDIR-} in *[[:space:]]*) TMPDIR=/tmp ;; esac
	VHD_FUSE_BOX=$(mktemp -d "${TMPDIR:-/tmp}/vhd-fuse.XXXXXX")
	chmod 711 "$VHD_FUSE_BOX"
	export VHD_FUSE_BOX
	: >"$VHD_FUSE_BOX/loops"
	pid=
	box_end() {
		if [ -n "$pid" ]; then
			# All of the box ends with its first process.
			read -r first <"/proc/$pid/task/$pid/children" ||
				first=none
			kill -KILL "$pid" 2>/dev/null || true
			wait "$pid" 2>/dev/null || true
			for step in 1 2 3 4 5 6 7 8 9 10; do
				[ -d "/proc/$first" ] || break
				sleep "0.$step"
			done
		fi
		while read -r dev; do
			losetup -d "$dev" 2>/dev/null || true
		done <"$VHD_FUSE_BOX/loops"
		rm -rf --one-file-system "$VHD_FUSE_BOX"
	}
	trap box_end EXIT
	trap 'exit 130' INT TERM HUP
	# In the background, because a shell hears signals only while it waits.
	TMPDIR=$VHD_FUSE_BOX box sh "$0" "$@" &
	pid=$!
	got=0
	wait "$pid" || got=$?
	pid=
	exit "$got"
fi

. "$(dirname "$0")/../cli/functions.sh"

chmod 711 "$T"
mkdir -m 1777 "$T/.san"
daemon=
# Sanitizers speak to files: a daemon has no stderr.
for tool in ASAN UBSAN TSAN; do
	eval "more=\${${tool}_OPTIONS-}"
	export "${tool}_OPTIONS=${more:+$more:}log_path=$T/.san/$tool"
done

# A test ends its daemons itself, and none of them complained.
cleanup() {
	got=$?
	trap - EXIT
	trap '' INT TERM
	# Who was unmounted a moment ago may still be on the way out.
	step=0
	while [ "$got" -eq 0 ] && [ "$step" -lt 120 ] &&
	      pgrep -x vhdfuse >/dev/null; do
		step=$((step + 1))
		sleep 0.5
	done
	if pgrep -x vhdfuse >/dev/null; then
		[ "$got" -ne 0 ] || echo "FAILED: a process is left"
		[ "$got" -ne 0 ] || got=1
	fi
	for report in "$T"/.san/*; do
		[ -f "$report" ] || continue
		[ "$got" -ne 0 ] || got=1
		head -n 60 "$report"
	done
	exit "$got"
}

eventually() {
	step=0
	until "$@" >/dev/null 2>&1; do
		step=$((step + 1))
		[ "$step" -lt 140 ] || fail "within a minute never: $*"
		if [ "$step" -lt 20 ]; then sleep 0.05; else sleep 0.5; fi
	done
}

is_gone() { [ ! -d "/proc/$1" ]; }
ended() { eventually is_gone "$1"; }

# is_mounted DIR: not through stat, which a dead mount does not answer.
is_mounted() { grep -qF " $(realpath -ms "$1") " /proc/mounts; }
not_mounted() { ! is_mounted "$1"; }
none_mounted() {
	! grep "fuse.vhdfuse" /proc/mounts | grep -q " $T" ||
		fail "something is still mounted"
}

# Set AS to as_user for mounts of a user.
AS=
vf() { $AS timeout 60 "$VHDFUSE" "$@"; }

up() {
	[ -e "$2" ] || is_mounted "$2" || mkdir "$2"
	run 0 vf "$@"
	silent
	daemon=$(pgrep -n -x vhdfuse) || fail "it does not run"
	is_mounted "$2" || fail "$2 is not mounted"
}

# The status of a daemon is nobody's to collect: a sanitizer's report or a line
# in the log is what tells of a bad end.
down() {
	run 0 vf -u "$1"
	silent
	not_mounted "$1" || fail "$1 is still mounted"
	ended "$daemon"
}

loop_add() {
	loop=$(timeout 120 losetup --show -f "$@" 2>"$err") ||
		skip_loop "$(cat "$err")"
	echo "$loop" >>"$VHD_FUSE_BOX/loops"
}

skip_loop() {
	[ -e /dev/loop-control ] || {
		echo "SKIP(host): there are no loop devices on this machine"
		exit 77
	}
	fail "losetup: $1"
}

# Somebody else may have got its number at once.
loop_backing() { losetup -n -O BACK-INO,BACK-MAJ:MIN "$1" 2>/dev/null || true; }
loop_detached() { [ "$(loop_backing "$1")" != "$2" ]; }
loop_del() {
	backing=$(loop_backing "$1")
	grep -vxF "$1" "$VHD_FUSE_BOX/loops" >"$T/.loops" || true
	cat "$T/.loops" >"$VHD_FUSE_BOX/loops"
	run 0 timeout 60 losetup -d "$1"
	eventually loop_detached "$1" "$backing"
}

# The node may be for root alone: the box has one of its own.
user_ready() {
	requires setpriv fusermount3
	[ -e /etc/mtab ] || {
		echo "SKIP(host): fusermount3 needs /etc/mtab"
		exit 77
	}
	as_user "$VHDFUSE" --version >/dev/null 2>&1 ||
		skip "another user cannot run the program"
	mkdir "$T/.dev"
	mount -t tmpfs none "$T/.dev"
	mknod -m 666 "$T/.dev/fuse" c 10 229
	mount --bind "$T/.dev/fuse" /dev/fuse
	mkdir "$T/home"
	chown 65534:65534 "$T/home"
	cd "$T/home"
}
as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# fuse_conf LINE...: what this machine says to FUSE's helper.
fuse_conf() {
	printf '%s\n' "$@" >"$T/.fuse.conf"
	[ -e /etc/fuse.conf ] || skip "there is no /etc/fuse.conf"
	mount --bind "$T/.fuse.conf" /etc/fuse.conf
}

# gpt FILE SIZE...: that many partitions, of Linux.
gpt() {
	disk=$1
	shift
	{
		echo "label: gpt"
		for size; do echo "size=$size, type=L"; done
	} >"$T/.table"
	timeout 120 sfdisk -q --no-reread --no-tell-kernel "$disk" \
		<"$T/.table" >"$out" 2>"$err" || fail "sfdisk"
}

# part_off FILE N: first byte of a partition.
part_off() {
	sfdisk -d "$1" | sed -n "s|^$1$2 : start= *\\([0-9]*\\),.*|\\1|p" |
		awk '{ print $1 * 512 }'
}

# data FILE MIB: text that does not repeat.
data() {
	seq -f "%.0f and more" 1000000 9999999 | head -c "$2M" >"$1"
}

# content FILE [OFFSET [LENGTH]]: hash of what a reader gets.
content() {
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="${2:-0}" \
		${3:+count="$3"} status=none | sha256sum | cut -d ' ' -f 1
}

# The names in a directory, in one line.
names() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' '; }

# du_at_most FILE KIB: space it takes.
allocated() { du -k "$1" | cut -f 1; }
du_at_most() { [ "$(allocated "$1")" -le "$2" ]; }

# poke FROM TO OFFSET [DD-OPERAND]...: overwrite.
poke() {
	from=$1 to=$2 at=$3
	shift 3
	dd if="$from" of="$to" bs=1M oflag=seek_bytes seek="$at" \
		conv=notrunc status=none "$@"
}

# refused: the last command said why in one sentence and mounted nothing.
refused() {
	out_empty
	head -n 1 "$err" | grep -q "^vhdfuse: " ||
		fail "the message does not start with 'vhdfuse: '"
	[ "$(grep -vc '^hint: ' "$err")" -eq 1 ] ||
		fail "the message is not one line"
	[ "$(wc -l <"$err")" -le 2 ] || fail "the message is too long"
	none_mounted
}

# said ERRNO-TEXT COMMAND...: it fails for that reason.
said() {
	reason=$1
	shift
	last=$*
	got=0
	timeout 60 "$@" >"$out" 2>"$err" </dev/null || got=$?
	[ "$got" -ne 0 ] || fail "it worked, instead of: $reason"
	err_has "$reason"
}

# root_program NAME: ours is among root's programs, for mount(8), which looks
# nowhere else.
root_program() {
	[ -d "$T/.sbin" ] || {
		mkdir "$T/.sbin"
		mount --bind /usr/sbin "$T/.sbin"
		mount -t tmpfs none /usr/sbin
		for helper in "$T"/.sbin/*; do
			ln -s "$helper" /usr/sbin/
		done
	}
	rm -f "/usr/sbin/$1"
	# shellcheck disable=SC2016
	printf '#!/bin/bash\nexec -a "$0" "%s" "$@"\n' "$VHDFUSE" \
		>"/usr/sbin/$1"
	chmod 755 "/usr/sbin/$1"
	[ -x "/sbin/$1" ] || {
		echo "SKIP(host): /sbin is not /usr/sbin on this machine"
		exit 77
	}
}
