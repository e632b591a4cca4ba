# Stands for ESP-IDF: reads the CMakeLists.txt of a component for a chip, and says what it links.
#
#     cmake -Dchip=esp32c3 -Dcomponent=FOLDER -P component.cmake
function(idf_build_get_property variable property)
    if(NOT property STREQUAL "IDF_TARGET")
        message(FATAL_ERROR "${property} is not known here")
    endif()
    set(${variable} ${chip} PARENT_SCOPE)
endfunction()

function(idf_component_register)
    cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS;PRIV_REQUIRES" ${ARGN})
    foreach(path IN LISTS given_SRCS given_INCLUDE_DIRS)
        if(NOT EXISTS "${component}/${path}")
            message(FATAL_ERROR "${path} is missing")
        endif()
    endforeach()
endfunction()

function(add_prebuilt_library target library)
    if(NOT EXISTS "${component}/${library}")
        message(FATAL_ERROR "${library} is missing")
    endif()
    message("links ${library}")
endfunction()

function(target_link_libraries)
endfunction()

include("${component}/CMakeLists.txt")
