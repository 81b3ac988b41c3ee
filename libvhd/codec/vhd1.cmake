set(VHD1_CODEC
	vhd1_batmap.c
	vhd1_checksum.c
	vhd1_footer.c
	vhd1_geometry.c
	vhd1_header.c
	vhd1_locator.c)
