# Run on the finished layer image: it is mapped by hand into processes that have nothing but ntdll, so it must need
# nothing, be relocatable, and be found by its one export.  -DIMAGE=fvm_layer.dll -DOBJDUMP=objdump

execute_process(COMMAND ${OBJDUMP} -p ${IMAGE} OUTPUT_VARIABLE headers RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "${OBJDUMP} -p ${IMAGE} failed")
endif()

function(directory_size entry result)
    if(NOT headers MATCHES "Entry ${entry} [0-9a-f]+ ([0-9a-f]+) ")
        message(FATAL_ERROR "${IMAGE}: no data directory ${entry} in the output of ${OBJDUMP} -p")
    endif()
    set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
endfunction()

foreach(unwanted "1;an import table" "9;thread-local storage" "c;an import address table" "d;delayed imports")
    list(GET unwanted 0 entry)
    list(GET unwanted 1 what)
    directory_size(${entry} size)
    if(NOT size MATCHES "^0+$")
        file(REMOVE ${IMAGE})
        message(FATAL_ERROR "the layer must not have ${what}: it runs before any DLL is loaded")
    endif()
endforeach()

directory_size(5 size)
if(size MATCHES "^0+$")
    file(REMOVE ${IMAGE})
    message(FATAL_ERROR "the layer has no base relocations: it could only run at its preferred address")
endif()

string(REGEX MATCHALL "\\[ *[0-9]+\\] (\\+base\\[ *[0-9]+\\] +[0-9a-f]+ )?_?[A-Za-z][A-Za-z0-9_@]*" exports "${headers}")
list(TRANSFORM exports REPLACE "^.* " "")
if(NOT exports STREQUAL "fvm_layer_header")
    file(REMOVE ${IMAGE})
    message(FATAL_ERROR "the layer must export fvm_layer_header and nothing else; it exports: ${exports}")
endif()
