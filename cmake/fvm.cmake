# Small helpers shared by the CMakeLists.txt files.

function(add_subdirectory_if_present dir)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/CMakeLists.txt)
        add_subdirectory(${dir})
    endif()
endfunction()

# Links whichever of the named targets exist.
function(link_present target)
    foreach(library ${ARGN})
        if(TARGET ${library})
            target_link_libraries(${target} PUBLIC ${library})
        endif()
    endforeach()
endfunction()

# Every .c file of this directory becomes a console program of its own, NAME.exe in ${CMAKE_BINARY_DIR}/<output>.
# Nothing but the system's own DLLs may be needed to run it.
function(add_programs output)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    foreach(source ${sources})
        get_filename_component(name ${source} NAME_WE)
        set(target ${output}_${name})
        string(REPLACE "/" "_" target ${target})
        add_executable(${target} ${source})
        set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${output})
        target_link_options(${target} PRIVATE -static -static-libgcc -s)
        target_link_libraries(${target} PRIVATE ${ARGN} ntdll)
        file(STRINGS ${source} wide_main REGEX "^int wmain")
        if(wide_main)
            target_link_options(${target} PRIVATE -municode)
        endif()
    endforeach()
endfunction()
