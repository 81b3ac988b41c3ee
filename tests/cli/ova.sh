#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The disks of an appliance are read where they are.
. "$(dirname "$0")/nbd_functions.sh"

requires qemu-img qemu-nbd tar timeout
raw_disk disk.raw
truncate -s 40M disk.raw
truncate -s 12M other.raw
noise 5000 | patch_blocks other.raw 77
run 0 qemu-img convert -f raw -O vmdk -o subformat=streamOptimized disk.raw \
	vm-disk1.vmdk
run 0 qemu-img convert -f raw -O vmdk -o subformat=streamOptimized other.raw \
	"vm & co.vmdk"
run 0 vu convert other.raw other.vhd

# ovf FILE-ELEMENTS DISK-ELEMENTS
ovf() {
	cat >vm.ovf <<-END
	<?xml version="1.0"?>
	<!-- <File ovf:href="wrong.vmdk" ovf:id="file1"/> -->
	<Envelope xmlns="x" xmlns:ovf="x">
	 <References>$1</References>
	 <DiskSection><Info>Disks</Info>$2</DiskSection>
	 <VirtualSystem ovf:id="vm"><Item><rasd:Description>Disk
	 </rasd:Description></Item></VirtualSystem>
	</Envelope>
	END
}

one='<File ovf:href="vm-disk1.vmdk" ovf:id="file1" ovf:size="1"/>'
one_disk='<Disk ovf:capacity="40" ovf:fileRef="file1" ovf:diskId="d1"/>'
ovf "$one" "$one_disk"
for format in ustar pax gnu; do
	tar -cf vm.ova --format=$format vm.ovf vm-disk1.vmdk
	run 0 vu convert vm.ova new.vhdx
	silent
	same_disk disk.raw new.vhdx vhdx
	rm new.vhdx
done
# The description may be last, and have a prefix before all names or before none.
tar -cf vm.ova --format=ustar ./vm-disk1.vmdk ./vm.ovf
run 0 vu convert vm.ova new.vhdx
same_disk disk.raw new.vhdx vhdx
rm new.vhdx
ovf "<ovf:File ovf:id='file1' ovf:href = 'vm-disk1.vmdk' />" \
	"<ovf:Disk ovf:fileRef='file1'></ovf:Disk>"
tar -cf vm.ova --format=ustar vm.ovf vm-disk1.vmdk
run 0 vu convert --disk 1 vm.ova new.qcow2
same_disk disk.raw new.qcow2 qcow2
rm new.qcow2

# Several.
long=$(printf '%0120d' 0).vhd
cp other.vhd "$long"
ovf "$one<File href='vm &amp; co.vmdk' id='f2'/><File href='$long' id='f3'/>
	<File href='cd.iso' id='f4'/><File href='vm-disk1.vmdk.gz' id='f5'
	ovf:compression='gzip'/>" \
	"$one_disk<Disk fileRef='f2'/><Disk capacity='9'/><Disk fileRef='f3'/>
	<Disk fileRef='gone'/><Disk fileRef='f4'/><Disk fileRef='f5'/>"
gzip -c vm-disk1.vmdk >vm-disk1.vmdk.gz
for format in pax gnu; do
	tar -cf vm.ova --format=$format vm.ovf vm-disk1.vmdk "vm & co.vmdk" \
		"$long" vm-disk1.vmdk.gz
	run 1 vu convert vm.ova new.vhdx
	one_sentence convert
	err_has 'choose one of its disks with --disk: 1 "vm-disk1.vmdk" ('
	err_has ', 2 "vm & co.vmdk" ('
	run 0 vu convert --disk 1 vm.ova new.vhdx
	same_disk disk.raw new.vhdx vhdx
	rm new.vhdx
	run 0 vu convert --disk 2 vm.ova new.vhdx
	same_disk other.raw new.vhdx vhdx
	rm new.vhdx
	# One of ours needs no QEMU.
	run 0 env PATH=/nowhere "$VHD_UTIL" convert --disk 3 vm.ova new.vhdx
	same_disk other.raw new.vhdx vhdx
	rm new.vhdx
done
run 1 vu convert --disk 4 vm.ova new.vhdx
one_sentence convert
err_has 'the file "cd.iso" that its description names is not in it'
run 1 vu convert --disk 5 vm.ova new.vhdx
one_sentence convert
err_has "is packed as a file"
run 1 vu convert --disk 6 vm.ova new.vhdx
one_sentence convert
err_has "it has no disk 6, but 5: "
run 1 vu convert --disk 2 other.vhd new.vhdx
one_sentence convert
err_has "it has no disk 2: it is no archive"

# It is not replaced by a disk of its own.
cp vm.ova keep.ova
for n in 1 2 3; do
	for to in raw vhd vhdx qcow2 "raw --compress"; do
		# shellcheck disable=SC2086
		run 1 vu convert --force -O $to --disk $n vm.ova ./vm.ova
		one_sentence convert
		err_has "the target is the same file as the source"
		same vm.ova keep.ova
	done
done

# What is no appliance, or is cut off.
tar -cf plain.tar disk.raw
run 1 vu convert plain.tar new.vhdx
one_sentence convert
err_has "this is a tar file without a description (.ovf) of disks"
ovf "" ""
tar -cf empty.ova vm.ovf
run 1 vu convert empty.ova new.vhdx
one_sentence convert
err_has "names no disk"
for bytes in 513 700 5000 100000; do
	head -c $bytes vm.ova >short.ova
	run 1 timeout 120 "$VHD_UTIL" convert short.ova new.vhdx
	one_sentence convert
done
# A disk that was cut off before it came into the archive.
run 0 qemu-img convert -f raw -O qcow2 disk.raw whole.qcow2
for cut in 70000 100; do
	head -c -$cut whole.qcow2 >vm-disk1.vmdk
	ovf "$one" "$one_disk"
	tar -cf cut.ova --format=ustar vm.ovf vm-disk1.vmdk
	run 1 vu convert cut.ova new.vhdx
	one_sentence convert
	err_has "the image was cut off"
done
cp whole.qcow2 vm-disk1.vmdk
tar -cf cut.ova --format=ustar vm.ovf vm-disk1.vmdk
run 0 vu convert cut.ova new.vhdx
same_disk disk.raw new.vhdx vhdx
rm new.vhdx
# A disk inside that reads other files.
run 0 qemu-img create -q -f qcow2 -b disk.raw -F raw evil.qcow2
ovf '<File href="evil.qcow2" id="file1"/>' "$one_disk"
tar -cf evil.ova vm.ovf evil.qcow2
run 1 vu convert evil.ova new.vhdx
one_sentence convert
err_has "the image reads another file"
absent new.vhdx
clean
