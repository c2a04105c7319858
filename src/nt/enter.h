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
    char service[48];     /* the service whose stub or export is the reason, or empty */
    uint8_t bytes[32];    /* its first bytes when the stub's shape is unknown */
    uint32_t bytes_count; /* 0: not about a shape */
};

/* Whether the layer can be put into programs for IMAGE_FILE_MACHINE_<machine>. */
bool process_can_enter(uint16_t machine);

/* Copies the layer (`file`: its PE image, `size` bytes) into `process` (suspended, nothing of it has run), duplicates the
 * handles of `boot` (valid in the caller) into it, tells it its id, and puts the hooks in place. When this fails nothing may run: the caller
 * terminates the process. `process` needs PROCESS_ALL_ACCESS.
 *
 * A 32-bit process of a 64-bit system has two ntdlls; the 64-bit one, by which all that it asks reaches the system, is
 * hooked like any other (see nt/wow64.h), so this is the same for both. */
NTSTATUS process_enter(HANDLE process, const uint8_t *file, size_t size, const struct layer_boot *boot,
                       struct enter_error *error);

#endif
