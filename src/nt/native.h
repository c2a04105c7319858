/* The native API as FVM uses it: one table of function pointers.
 *
 * In fvm.exe they are ntdll's exports (native_init). In the layer the outside fills them in before the process runs; those
 * of intercepted services lead to the original system call, so code on both sides says nt.NtCreateFile and never meets
 * a hook. A pointer is NULL when the platform's ntdll does not export the service and its row is marked NATIVE_OPTIONAL. */
#ifndef FVM_NT_NATIVE_H
#define FVM_NT_NATIVE_H

#ifndef WIN32_NO_STATUS
#define WIN32_NO_STATUS
#endif
#include <windows.h>
#undef WIN32_NO_STATUS
#include <winternl.h>

#include <ntstatus.h>
#include <stdbool.h>
#include <stdint.h>

#include "nt/types.h"

struct native {
#define NATIVE(result, name, ...) result(NTAPI *name)(__VA_ARGS__);
#define NATIVE_OPTIONAL(result, name, ...) NATIVE(result, name, __VA_ARGS__)
#include "nt/native.def"
#undef NATIVE
#undef NATIVE_OPTIONAL
};

extern struct native nt;

/* Base of this process's ntdll. */
const uint8_t *native_ntdll(void);

/* Zeroed memory of this process, NULL when there is none. From the top of the address space: the low addresses are the
 * program's, as they would be without us. */
static inline void *memory_take(SIZE_T size)
{
    void *memory = NULL;
    return nt.NtAllocateVirtualMemory(NT_CURRENT_PROCESS, &memory, 0, &size, MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN,
                                      PAGE_READWRITE) < 0
               ? NULL
               : memory;
}

static inline void memory_give(void *memory)
{
    SIZE_T whole = 0;
    if (memory)
        nt.NtFreeVirtualMemory(NT_CURRENT_PROCESS, &memory, &whole, MEM_RELEASE);
}

#ifndef FVM_LAYER
/* Fills nt from this process's ntdll. Returns the name of the first export that is missing, or NULL. */
const char *native_init(void);
#endif

#endif
