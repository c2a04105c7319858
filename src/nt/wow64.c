/* What the 32-bit ntdll of a process would do past the 64-bit one. */
#include "nt/wow64.h"

#include "base/mem.h"

enum {
    ProcessWow64InformationClass = 26,
    NTDLL32_BASE = 72, /* in LdrSystemDllInitBlock: Windows 10 and 11, Wine 10 */
    MOV_EAX = 0xb8,
    MOV_EDX = 0xba
};

NTSTATUS wow64_peb(HANDLE process, ULONG_PTR *peb32)
{
    *peb32 = 0;
    if (sizeof(void *) != 8)
        return STATUS_SUCCESS;
    return nt.NtQueryInformationProcess(process, ProcessWow64InformationClass, peb32, sizeof(*peb32), NULL);
}

NTSTATUS wow64_ntdll(HANDLE process, const struct image *ntdll, uint64_t *base)
{
    uint32_t block = image_export(ntdll, "LdrSystemDllInitBlock");
    NTSTATUS status = STATUS_SUCCESS;
    *base = 0;
    if (block)
        status = nt.NtReadVirtualMemory(process, ntdll->base + block + NTDLL32_BASE, base, sizeof(*base), NULL);
    if (status >= 0 && (!*base || *base > UINT32_MAX))
        status = STATUS_INVALID_IMAGE_WIN_32;
    return status;
}

bool wow64_patch(const struct image *ntdll32, const char *service, struct wow64_patch *patch)
{
    /* Wine: goes from 32 bit straight to the Unix side. mov eax, STATUS_ACCESS_DENIED; ret 8 */
    static const char spawn[] = "__wine_unix_spawnvp";
    static const uint8_t refuse[] = {MOV_EAX, 0x22, 0x00, 0x00, 0xc0, 0xc2, 0x08, 0x00};
    uint32_t rva = image_export(ntdll32, service);
    if (!rva || rva > ntdll32->size - sizeof(patch->code))
        return false;
    const uint8_t *code = ntdll32->base + rva;
    size_t length = 0;
    while (service[length])
        length++;
    if (length == sizeof(spawn) - 1 && mem_equal(service, spawn, length)) {
        *patch = (struct wow64_patch){.rva = rva, .size = sizeof(refuse)};
        mem_copy(patch->code, refuse, sizeof(refuse));
        return true;
    }
    /* Windows: wow64cpu.dll makes the system calls of some simple services itself; which way is the upper half of the
     * number, and 0 is the way by wow64.dll. Not tried on Windows. */
    if (code[0] != MOV_EAX || code[5] != MOV_EDX || !(code[3] | code[4]))
        return false;
    *patch = (struct wow64_patch){.rva = rva + 3, .size = 2};
    return true;
}
