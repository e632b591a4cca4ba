# Stands for Zephyr: reads the CMakeLists.txt of the module, and says what it compiles and links.
#
#     cmake -DCONFIG_LIBSEAL_TARGET=TARGET -Dmodule=FOLDER -P module.cmake
set(BOARD some_board)
set(CONFIG_LIBSEAL 1)
set(CONFIG_LIBSEAL_RANDOM 1)
set(CONFIG_ARM 1)
set(CONFIG_MINIMAL_LIBC 1)
set(sources)

function(zephyr_include_directories folder)
    if(NOT EXISTS "${folder}/libseal_seal.h")
        message(FATAL_ERROR "libseal_seal.h is missing in ${folder}")
    endif()
endfunction()

function(zephyr_library_import target library)
    if(NOT EXISTS "${library}")
        message(FATAL_ERROR "${library} is missing")
    endif()
    get_filename_component(folder "${library}" DIRECTORY)
    get_filename_component(folder "${folder}" NAME)
    message("links ${folder}/libseal.a")
endfunction()

function(zephyr_library_named)
endfunction()

macro(zephyr_library_sources)
    list(APPEND sources ${ARGN})
endmacro()

macro(zephyr_library_sources_ifdef condition)
    if(${condition})
        list(APPEND sources ${ARGN})
    endif()
endmacro()

include("${module}/zephyr/CMakeLists.txt")

list(FILTER sources EXCLUDE REGEX empty_file)
list(SORT sources)
list(JOIN sources " " sources)
message("compiles ${sources}")
