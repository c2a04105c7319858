/* What processes say about themselves. */
#include "layer/files/files.h"
#include "layer/processes/processes.h"

enum { ProcessImageFileNameClass = 27, ProcessImageFileNameWin32Class = 43 };

/* The name of an image, as the VM names it. */
static NTSTATUS query_image_name(HANDLE process, ULONG class, void *information, ULONG length, ULONG *return_length)
{
    struct file_memory *memory = scratch_take();
    UNICODE_STRING *system = (UNICODE_STRING *)memory->work;
    struct strbuf nt_name, own;
    NTSTATUS status = nt.NtQueryInformationProcess(process, class, system, sizeof(memory->work), NULL);
    bool dos = class == ProcessImageFileNameWin32Class;
    bool changed = false;
    char16 *copy = scratch_take();
    buf_init(&nt_name, copy, PATH_UNITS);
    if (status >= 0) {
        struct str name = {(const char16 *)system->Buffer, system->Length / sizeof(char16)};
        if (dos && name.len && name.s[0] != '\\')
            buf_add(&nt_name, STR(u"\\??\\"));
        buf_add(&nt_name, name);
        changed = name_show(buf_str(&nt_name), memory, &own);
    }
    if (!changed)
        status = nt.NtQueryInformationProcess(process, class, information, length, return_length);
    else {
        struct str shown = dos ? str_from(buf_str(&own), 4) : buf_str(&own);
        SIZE_T all;
        status = name_put(information, length, shown, &all);
        ULONG needed = (ULONG)all;
        if (return_length && !guard_write(return_length, &needed, sizeof(needed)))
            status = STATUS_ACCESS_VIOLATION;
        if (status == STATUS_BUFFER_OVERFLOW)
            status = STATUS_INFO_LENGTH_MISMATCH;
    }
    scratch_give(copy);
    scratch_give(memory);
    return status;
}

NTSTATUS NTAPI fvm_NtQueryInformationProcess(HANDLE process, ULONG class, void *information, ULONG length,
                                             ULONG *return_length)
{
    if (class != ProcessImageFileNameClass && class != ProcessImageFileNameWin32Class)
        return nt.NtQueryInformationProcess(process, class, information, length, return_length);
    layer_attach();
    return query_image_name(process, class, information, length, return_length);
}
