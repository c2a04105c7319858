/* The table of native functions, and its initialization outside VMs (in the layer, enter.c fills it). */
#include "nt/native.h"

struct native nt __attribute__((section(".data"))); /* .bss is not written there */

#ifndef FVM_LAYER

static void *find(const char *name)
{
    return (void *)GetProcAddress((HMODULE)native_ntdll(), name);
}

const uint8_t *native_ntdll(void)
{
    return (const uint8_t *)GetModuleHandleA("ntdll");
}

const char *native_init(void)
{
#define NATIVE_OPTIONAL(result, name, ...) *(void **)&nt.name = find(#name);
#define NATIVE(result, name, ...)                                                                                      \
    NATIVE_OPTIONAL(result, name)                                                                                      \
    if (!nt.name)                                                                                                      \
        return #name;
#include "nt/native.def"
#undef NATIVE
#undef NATIVE_OPTIONAL
    return NULL;
}

#endif
