# VHD_STATIC: vhd-util and td-util need nothing of the system that they run on, so
# that what was built elsewhere runs where libraries are old.  All else is built
# as it always is.
if(VHD_STATIC)
	if(VHD_SANITIZE OR VHD_FUZZ)
		message(FATAL_ERROR
			"VHD_STATIC does not go with VHD_SANITIZE or VHD_FUZZ")
	endif()
	# libnbd is loaded when it is used, which a static program cannot.
	set(VHD_NBD OFF)
endif()

# Between these two, archives are what is found.
macro(vhd_static_begin)
	if(VHD_STATIC)
		set(vhd_suffixes ${CMAKE_FIND_LIBRARY_SUFFIXES})
		set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
	endif()
endmacro()

macro(vhd_static_end)
	if(VHD_STATIC)
		set(CMAKE_FIND_LIBRARY_SUFFIXES ${vhd_suffixes})
	endif()
endmacro()

# vhd_static_program(TARGET): where VHD_STATIC is set, @TARGET is linked that
# way; vhd_common looks at the property.
function(vhd_static_program target)
	if(VHD_STATIC)
		set_target_properties(${target} PROPERTIES VHD_STATIC ON)
		target_link_options(${target} PRIVATE -static)
	endif()
endfunction()
