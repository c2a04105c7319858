/* Process parameters: the program's name is written to new memory there, and the string made to point to it. */
#include "nt/parameters.h"

#include "nt/wow64.h"

enum { ProcessBasicInformationClass = 0, LOW_ADDRESSES = 0x7fffffff };

/* Of a 32-bit process, as the 64-bit side sees them; the offsets are the same on Windows 7 to 11 and Wine. */
enum { PEB32_PARAMETERS = 0x10, PARAMETERS32_IMAGE_NAME = 0x38 };
struct string32 {
    uint16_t length, maximum_length; /* bytes */
    uint32_t buffer;
};

static NTSTATUS set_string32(HANDLE process, ULONG_PTR peb, const UNICODE_STRING *string)
{
    struct string32 narrow = {string->Length, string->MaximumLength, (uint32_t)(uintptr_t)string->Buffer};
    uint32_t parameters = 0;
    NTSTATUS status =
        nt.NtReadVirtualMemory(process, (void *)(peb + PEB32_PARAMETERS), &parameters, sizeof(parameters), NULL);
    if (status < 0 || !parameters)
        return status;
    return nt.NtWriteVirtualMemory(process, (void *)((uintptr_t)parameters + PARAMETERS32_IMAGE_NAME), &narrow,
                                   sizeof(narrow), NULL);
}

NTSTATUS parameters_set_image_name(HANDLE process, struct str name)
{
    FVM_PROCESS_BASIC_INFORMATION basic;
    FVM_PROCESS_PARAMETERS *parameters; /* there */
    ULONG_PTR peb32;
    UNICODE_STRING string = {(USHORT)(name.len * sizeof(char16)), (USHORT)((name.len + 1) * sizeof(char16)), NULL};
    SIZE_T size = string.MaximumLength;
    void *memory = NULL;
    NTSTATUS status = nt.NtQueryInformationProcess(process, ProcessBasicInformationClass, &basic, sizeof(basic), NULL);
    if (status >= 0)
        status = wow64_peb(process, &peb32);
    if (status >= 0)
        status = nt.NtReadVirtualMemory(process, &basic.PebBaseAddress->ProcessParameters, &parameters, sizeof(void *),
                                        NULL);
    if (status >= 0)
        status = nt.NtAllocateVirtualMemory(process, &memory, peb32 ? LOW_ADDRESSES : 0, &size,
                                            MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (status >= 0)
        status = nt.NtWriteVirtualMemory(process, memory, name.s, string.Length, NULL);
    string.Buffer = memory;
    if (status >= 0)
        status = nt.NtWriteVirtualMemory(process, &parameters->ImagePathName, &string, sizeof(string), NULL);
    return status >= 0 && peb32 ? set_string32(process, peb32, &string) : status;
}
