# Flags that every target of the project gets.
add_library(vhd_flags INTERFACE)
target_compile_options(vhd_flags INTERFACE
	-Wall -Wextra -Wconversion -Wshadow -Wvla -Wswitch-enum
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef
	-Wformat=2 -Wwrite-strings)
if(VHD_WERROR)
	target_compile_options(vhd_flags INTERFACE -Werror)
endif()
target_compile_definitions(vhd_flags INTERFACE
	_GNU_SOURCE _FILE_OFFSET_BITS=64)
if(VHD_SANITIZE)
	target_compile_options(vhd_flags INTERFACE
		-fsanitize=${VHD_SANITIZE} -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	target_link_options(vhd_flags INTERFACE -fsanitize=${VHD_SANITIZE})
endif()
if(VHD_COVERAGE)
	target_compile_options(vhd_flags INTERFACE --coverage)
	target_link_options(vhd_flags INTERFACE --coverage)
endif()
if(VHD_FUZZ)
	target_compile_options(vhd_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
