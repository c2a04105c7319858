/* Duplicating handles. Wine gives a duplicate more access than its source has, if the object's security allows it: what was judged when
 * the object was opened is judged again. */
#include "layer/files/files.h"
#include "layer/handles.h"
#include "layer/objects/objects.h"
#include "layer/processes/processes.h"

/* Files, whose content the handle's own mode protects; not devices, which are open for questions only, nor volumes. */
static bool is_file_or_directory(HANDLE handle)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    bool in_storage;
    bool known = name_of_handle(handle, &name.path, &in_storage) && path_rest(buf_str(&name.path)).len;
    scratch_give(memory);
    return known;
}

/* Keys are judged by every service that changes one; processes, threads and what has no name can only be the VM's. */
static bool may_have_more(HANDLE handle)
{
    char16 *memory = scratch_take();
    struct str text, own;
    bool typed = handle_text(handle, HANDLE_TYPE, memory, SCRATCH_SIZE, &text) >= 0;
    bool file = typed && str_equal(text, STR(u"File")), key = typed && str_equal(text, STR(u"Key"));
    bool named = handle_text(handle, HANDLE_NAME, memory, SCRATCH_SIZE, &text) >= 0;
    bool may = key || (file ? is_file_or_directory(handle) : typed && named && (!text.len || object_show(text, &own)));
    if (!may && named)
        log_refusal("more access to an object of the system", text, STATUS_ACCESS_DENIED);
    scratch_give(memory);
    return may;
}

/* By a handle of our own: the program's number may come to be another object's. */
static NTSTATUS duplicate_judged(HANDLE source_process, HANDLE source, HANDLE target_process, HANDLE *made,
                                 ACCESS_MASK access, ULONG attributes, ULONG options)
{
    HANDLE kept, trial = NULL;
    NTSTATUS status =
        nt.NtDuplicateObject(source_process, source, NT_CURRENT_PROCESS, &kept, 0, 0, DUPLICATE_SAME_ACCESS);
    if (status < 0)
        return status;
    status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, kept, NT_CURRENT_PROCESS, &trial, access, 0, 0);
    if (status >= 0 && handle_granted(trial) & ~handle_granted(kept) && !may_have_more(kept))
        status = STATUS_ACCESS_DENIED;
    if (status >= 0)
        status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, kept, target_process, made, access, attributes,
                                      options & ~(ULONG)DUPLICATE_CLOSE_SOURCE);
    if (trial)
        nt.NtClose(trial);
    nt.NtClose(kept);
    if (options & DUPLICATE_CLOSE_SOURCE)
        nt.NtDuplicateObject(source_process, source, NULL, NULL, 0, 0, DUPLICATE_CLOSE_SOURCE);
    return status;
}

/* A handle given by another process is one that was not opened here. */
NTSTATUS NTAPI fvm_NtDuplicateObject(HANDLE source_process, HANDLE source, HANDLE target_process, HANDLE *target,
                                     ACCESS_MASK access, ULONG attributes, ULONG options)
{
    HANDLE made = NULL;
    layer_attach();
    bool good = !target || guard_read(&made, target, sizeof(made));
    bool same = !target_process || !access || options & DUPLICATE_SAME_ACCESS;
    NTSTATUS status =
        same ? nt.NtDuplicateObject(source_process, source, target_process, target ? &made : NULL, access, attributes,
                                    options)
             : duplicate_judged(source_process, source, target_process, &made, access, attributes, options);
    if (status >= 0 && target_process && process_is_this(target_process))
        handle_forget(made);
    return !target || (good && guard_write(target, &made, sizeof(made))) ? status : STATUS_ACCESS_VIOLATION;
}
