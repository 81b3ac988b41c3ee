#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154
#
# One round of the kill test, on a disk that is an ext4 file system as a whole.
# First what the last guest left when it died: the kernel replays the journal,
# e2fsck finds nothing, and every file is compared with what its number says.
# Then, if write=yes, files are written until somebody kills us.
#
#	@whole N, @broken N	state of file N
#	@keep N			files below N are deleted from here on
#	@written		nothing was killed in time
keep=40

# lines N: the length of file N; now and then a large one.
lines() {
	if [ $(($1 % 8)) -eq 5 ]; then
		echo $(($1 * 7919 % 70000 + 1))
	else
		echo $(($1 * 7919 % 3000 + 1))
	fi
}

run mount -t ext4 -o discard "$disk" /mnt
dmesg | grep -q 'EXT4-fs.*recovery complete' && echo "@recovered"
run umount /mnt
ext4_clean "$disk"
run mount -t ext4 -o discard "$disk" /mnt
cd /mnt || die "cd"
last=0
for path in d*/f*; do
	test -e "$path" || continue
	n=${path#*/f}
	if text "$n" "$(lines "$n")" | cmp -s - "$path"; then
		echo "@whole $n"
	else
		echo "@broken $n"
	fi
	[ "$n" -gt "$last" ] && last=$n
done

if [ "$write" = yes ]; then
	echo "@keep $((last - keep))"
	for path in d*/f*; do
		n=${path#*/f}
		[ "$n" -ge $((last - keep)) ] 2>/dev/null || rm -f "$path"
	done
	/tools/fstrim /mnt || die fstrim
	n=$((last + 1))
	while [ $n -le $((last + 400)) ]; do
		dir=d$((n % 4))
		mkdir -p $dir
		text $n "$(lines $n)" >$dir/f$n || die "write file $n"
		sync $dir/f$n $dir || die "sync file $n"
		echo "@durable $n"
		# Space comes and goes all the time.
		case $((n % 4)) in
		1) cp /tools/e2fsck junk ;;
		3) rm -f junk ;;
		esac
		n=$((n + 1))
	done
	echo "@written"
fi
cd /
run umount /mnt
