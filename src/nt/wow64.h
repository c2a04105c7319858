/* The 32-bit side of a 32-bit process on a 64-bit system.
 *
 * Such a process has two ntdlls. What its program asks goes from the 32-bit one to wow64.dll, which turns structures into
 * 64-bit ones, redirects names (System32 to SysWOW64), and calls the 64-bit ntdll, by which it reaches the system; code
 * that switches to 64 bit by itself calls that one too. So the layer hooks the 64-bit ntdll, and what it sees is what it
 * sees in any process. Only what does not take that way is closed here. */
#ifndef FVM_NT_WOW64_H
#define FVM_NT_WOW64_H

#include "nt/image.h"
#include "nt/native.h"

/* *peb32: the address of the 32-bit process environment block, 0 when it is a 64-bit process. */
NTSTATUS wow64_peb(HANDLE process, ULONG_PTR *peb32);

/* Base of the 32-bit ntdll in `process`, a 32-bit one of which nothing has run.
 * STATUS_INVALID_IMAGE_WIN_32 when the system has none for it and so cannot run it. ntdll: the 64-bit one. */
NTSTATUS wow64_ntdll(HANDLE process, const struct image *ntdll, uint64_t *base);

struct wow64_patch {
    uint32_t rva, size; /* bytes */
    uint8_t code[8];
};

/* What must be written into the 32-bit ntdll so that `service` takes the way through the 64-bit one, or is refused. False:
 * nothing. */
bool wow64_patch(const struct image *ntdll32, const char *service, struct wow64_patch *patch);

#endif
