#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034,SC1090,SC2154
#
# The first and only process of a test guest.  The kernel's command line says
# what to do: bus=virtio-blk|virtio-scsi|nvme, jobs=NAME,NAME..., and whatever
# else a job reads; the kernel puts such words into our environment.
#
# What the harness reads are lines that start with "@":
#	@ready			booted
#	@ask NAME		the guest waits for a line from the harness
#	@durable N		file N is safe, whatever happens now
#	@fail TEXT		a job failed; the guest switches off
#	@done SECONDS		all jobs are done; the guest switches off
export PATH=/tools:/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd

off() {
	poweroff -f
	sleep 60
}

die() {
	echo "@fail $*"
	dmesg | tail -n 15
	off
}

# run COMMAND...: it must succeed.  The tools of /tools come before those of
# busybox, which would otherwise take its own.
run() {
	tool=$1
	shift
	test ! -x "/tools/$tool" || tool=/tools/$tool
	"$tool" "$@" >/tmp/out 2>&1 || {
		status=$?
		tail -n 15 /tmp/out
		die "$tool $* (status $status)"
	}
}

ask() {
	sync
	echo "@ask $1"
	read -r answer
	test -n "$answer" || die "no answer to '$1'"
}

load() {
	while read -r module; do
		test -e "/sys/module/${module%.ko}" ||
			insmod "/modules/$module" || die "insmod $module"
	done <"/modules/$1"
}

find_disk() {
	tries=0
	while [ $tries -lt 100 ]; do
		for disk in vda sda nvme0n1; do
			test -b /dev/$disk && return
		done
		tries=$((tries + 1))
		usleep 50000
	done
	die "no disk showed up"
}

load "$bus"
find_disk
queue=/sys/block/$disk/queue
case $disk in
nvme*) p1=/dev/${disk}p1 p2=/dev/${disk}p2 ;;
*) p1=/dev/${disk}1 p2=/dev/${disk}2 ;;
esac
disk=/dev/$disk
echo "@ready"
for job in $(echo "$jobs" | tr , ' '); do
	. "/jobs/$job.sh"
done
read -r up _ </proc/uptime
echo "@done $up"
off
