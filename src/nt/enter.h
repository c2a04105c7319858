/* Entering a process: puts the layer into a suspended process before its first instruction.
 *
 * Used by fvm.exe for the first process of a VM and by the layer for every process after it. */
#ifndef FVM_NT_ENTER_H
#define FVM_NT_ENTER_H

#include "layer/boot.h"
#include "nt/image.h"
#include "nt/native.h"

/* Why a process could not be entered. */
struct enter_error {
    NTSTATUS status;
    const char *step;     /* what was tried: "allocate the layer", "read the stubs", ... */
    const char *service;  /* the service whose stub or export is the reason, or NULL */
    uint8_t bytes[32];    /* its first bytes when the stub's shape is unknown */
    uint32_t bytes_count; /* 0: not about a shape */
};

/* Copies the layer (`file`: its PE image, `size` bytes) into `process` (suspended, nothing of it has run), duplicates the
 * handles of `boot` (valid in the caller) into it, and puts the hooks in place. When this fails nothing may run: the caller
 * terminates the process. `process` needs PROCESS_ALL_ACCESS. */
NTSTATUS process_enter(HANDLE process, const uint8_t *file, size_t size, const struct layer_boot *boot,
                       struct enter_error *error);


#endif
