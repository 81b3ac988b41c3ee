# One object library per layer of libvhd/LAYERS.

# vhd_layer(NAME SOURCE...): the layer in the present directory.
function(vhd_layer name)
	add_library(vhd_layer_${name} OBJECT ${ARGN})
	target_link_libraries(vhd_layer_${name} PRIVATE vhd_flags)
	target_include_directories(vhd_layer_${name} PUBLIC
		${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/libvhd)
endfunction()

# vhd_unit_test(NAME LAYERS L... [SOURCES S...] [LIBS ...]): tests/unit program
# NAME.c made of the objects of the named layers, run by ctest with label unit.
function(vhd_unit_test name)
	cmake_parse_arguments(T "" "" "LAYERS;SOURCES;LIBS" ${ARGN})
	set(objects)
	foreach(layer IN LISTS T_LAYERS)
		list(APPEND objects $<TARGET_OBJECTS:vhd_layer_${layer}>)
	endforeach()
	add_executable(${name} ${name}.c ${T_SOURCES} ${objects})
	target_compile_options(${name} PRIVATE -UNDEBUG)
	target_include_directories(${name} PRIVATE
		${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/libvhd
		${PROJECT_SOURCE_DIR}/tests ${CHECK_INCLUDE_DIRS})
	target_link_libraries(${name} PRIVATE vhd_flags ${CHECK_LINK_LIBRARIES}
		${T_LIBS} Threads::Threads)
	add_test(NAME unit/${name} COMMAND ${name})
	set_tests_properties(unit/${name} PROPERTIES LABELS unit TIMEOUT 900)
endfunction()
