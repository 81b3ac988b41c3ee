# What `cmake --install` puts where: libraries, headers in a folder of their
# own, the pkg-config file libvhd.pc, and the CMake package vhd with the targets
# vhd::vhd and vhd::vhd_static.
include(CMakePackageConfigHelpers)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vhd)

install(TARGETS vhd_shared vhd_static EXPORT vhd-targets
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lib
		NAMELINK_COMPONENT dev
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vhd
	DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
	FILES_MATCHING PATTERN "*.h")

# vhd_install_program(TARGET COMPONENT): finds the library without ldconfig or
# LD_LIBRARY_PATH, wherever the prefix is.
function(vhd_install_program target component)
	get_target_property(static ${target} VHD_STATIC)
	if(NOT static AND NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
		file(RELATIVE_PATH lib_from_bin
			/${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
		set_target_properties(${target} PROPERTIES
			INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
	endif()
	install(TARGETS ${target}
		RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
		COMPONENT ${component})
endfunction()

# What bash loads when a program's command line is first completed.
function(vhd_install_completion file program component)
	install(FILES ${file} RENAME ${program}
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
		COMPONENT ${component})
endfunction()

# The manual pages are in the tree as they are installed: scripts/gen-man.py.
if(TARGET vhd-util)
	foreach(program vhd-util td-util)
		vhd_install_program(${program} tools)
		vhd_install_completion(tools/completion/${program}.bash
			${program} tools)
	endforeach()
	install(FILES tools/man/vhd-util.1 tools/man/vhd-util-classic.1
		tools/man/td-util.1
		DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tools)
endif()

# mount.vhd and mount.vhdx are what mount(8) calls for "-t vhd" and "-t vhdx".
if(TARGET vhdfuse)
	vhd_install_program(vhdfuse fuse)
	file(RELATIVE_PATH bin_from_sbin
		/${CMAKE_INSTALL_SBINDIR} /${CMAKE_INSTALL_BINDIR})
	foreach(helper mount.vhd mount.vhdx)
		file(CREATE_LINK ${bin_from_sbin}/vhdfuse
			${CMAKE_CURRENT_BINARY_DIR}/${helper} SYMBOLIC)
		install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${helper}
			DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT fuse)
	endforeach()
	vhd_install_completion(fuse/vhdfuse.bash vhdfuse fuse)
	install(FILES fuse/vhdfuse.1
		DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT fuse)
	# The prefix is known when it is installed, and not before.
	install(CODE "
		set(VHDFUSE
			\"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/vhdfuse\")
		configure_file(
			\"${PROJECT_SOURCE_DIR}/fuse/vhdfuse@.service.in\"
			\"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/vhdfuse@.service\"
			@ONLY)" COMPONENT fuse)
endif()

# Where an nbdkit of the same prefix looks; any other one takes the path of it.
if(TARGET nbdkit_vhd)
	if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
		file(RELATIVE_PATH lib_from_plugin
			/${VHD_NBDKIT_PLUGINDIR} /${CMAKE_INSTALL_LIBDIR})
		set_target_properties(nbdkit_vhd PROPERTIES
			INSTALL_RPATH "$ORIGIN/${lib_from_plugin}")
	endif()
	install(TARGETS nbdkit_vhd
		LIBRARY DESTINATION ${VHD_NBDKIT_PLUGINDIR} COMPONENT nbdkit)
endif()

# The prefix is found from the place of the .pc file, so that the tree can be
# installed with --prefix or moved.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
	set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
	set(PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
	set(PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
	file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
	string(REGEX REPLACE "/$" "" up ${up})
	set(PC_PREFIX "\${pcfiledir}/${up}")
	set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
	set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/libvhd.pc.in libvhd.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libvhd.pc
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

install(EXPORT vhd-targets NAMESPACE vhd:: DESTINATION ${cmake_dir}
	COMPONENT dev)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/vhd-config.cmake.in
	vhd-config.cmake INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(vhd-config-version.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vhd-config.cmake
	${CMAKE_CURRENT_BINARY_DIR}/vhd-config-version.cmake
	DESTINATION ${cmake_dir} COMPONENT dev)
