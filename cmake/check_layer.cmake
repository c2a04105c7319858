# Run on the finished layer image: it is mapped by hand into processes that have nothing but ntdll, so it must need
# nothing, be relocatable, and be found by its one export.  -DIMAGE=fvm_layer.dll -DOBJDUMP=objdump

execute_process(COMMAND ${OBJDUMP} -p ${IMAGE} OUTPUT_VARIABLE headers RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "${OBJDUMP} -p ${IMAGE} failed")
endif()

function(refuse why)
    file(REMOVE ${IMAGE})
    message(FATAL_ERROR "the layer must not ${why}")
endfunction()

function(directory_size entry result)
    if(NOT headers MATCHES "Entry ${entry} [0-9a-f]+ ([0-9a-f]+) ")
        message(FATAL_ERROR "${IMAGE}: no data directory ${entry} in the output of ${OBJDUMP} -p")
    endif()
    set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
endfunction()

# The linker always makes an import table; an empty one is as good as none.
if(headers MATCHES "DLL Name: ([^\n]*)")
    refuse("import anything: it runs before any DLL is loaded; it imports from ${CMAKE_MATCH_1}")
endif()

directory_size(9 size)
if(NOT size MATCHES "^0+$")
    refuse("have thread-local storage: the loader does not know it")
endif()

directory_size(5 size)
if(size MATCHES "^0+$")
    refuse("lack base relocations: it could only run at its preferred address")
endif()

string(REGEX MATCHALL "\t\\[ *[0-9]+\\] [A-Za-z_][A-Za-z0-9_@]*\n" exports "${headers}")
list(TRANSFORM exports STRIP)
list(TRANSFORM exports REPLACE "^.* " "")
if(NOT exports STREQUAL "fvm_layer_header")
    refuse("export anything but fvm_layer_header; it exports: ${exports}")
endif()
