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

/* The VM's own; what has no name, and processes and threads, can only be that. Wine names a section without a name after its file, whose
 * own handle's mode protects that. */
static bool is_own(struct str type, struct str name)
{
    struct str own;
    return !name.len || object_show(name, &own) ||
           (str_equal(type, STR(u"Section")) && str_prefix_fold(layer.up, name, STR(u"\\??\\")));
}

/* Whether a duplicate may have more access than this handle; else its name is in memory. Keys are judged by every service that changes one. */
static bool may_have_more(HANDLE handle, char16 *memory, struct str *name)
{
    char16 *type_memory = memory + SCRATCH_SIZE / sizeof(char16) / 2;
    struct str type;
    *name = (struct str){0};
    if (handle_text(handle, HANDLE_TYPE, type_memory, SCRATCH_SIZE / 2, &type) < 0)
        return false;
    if (str_equal(type, STR(u"Key")))
        return true;
    bool named = handle_text(handle, HANDLE_NAME, memory, SCRATCH_SIZE / 2, name) >= 0;
    return str_equal(type, STR(u"File")) ? is_file_or_directory(handle) : named && is_own(type, *name);
}

/* Whether a duplicate with that access has more than the handle. */
static NTSTATUS has_more(HANDLE handle, ACCESS_MASK access, bool *more)
{
    HANDLE trial;
    NTSTATUS status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, handle, NT_CURRENT_PROCESS, &trial, access, 0, 0);
    if (status < 0)
        return status;
    *more = handle_granted(trial) & ~handle_granted(handle);
    nt.NtClose(trial);
    return status;
}

static NTSTATUS judge(HANDLE handle, ACCESS_MASK access)
{
    char16 *memory = scratch_take();
    struct str name;
    bool more = false;
    NTSTATUS status = may_have_more(handle, memory, &name) ? STATUS_SUCCESS : has_more(handle, access, &more);
    if (more)
        status = log_refusal("more access to an object of the system", name, STATUS_ACCESS_DENIED);
    scratch_give(memory);
    return status;
}

/* By a handle of our own: the program's number may come to be another object's. */
static NTSTATUS duplicate_judged(HANDLE source_process, HANDLE source, HANDLE target_process, HANDLE *made,
                                 ACCESS_MASK access, ULONG attributes, ULONG options)
{
    HANDLE kept = *made;
    NTSTATUS status =
        nt.NtDuplicateObject(source_process, source, NT_CURRENT_PROCESS, &kept, 0, 0, DUPLICATE_SAME_ACCESS);
    if (status < 0) {
        *made = kept; /* what the system leaves there then */
        return status;
    }
    status = judge(kept, access);
    if (status >= 0)
        status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, kept, target_process, made, access, attributes,
                                      options & ~(ULONG)DUPLICATE_CLOSE_SOURCE);
    nt.NtClose(kept);
    if (options & DUPLICATE_CLOSE_SOURCE)
        nt.NtDuplicateObject(source_process, source, NULL, NULL, 0, 0, DUPLICATE_CLOSE_SOURCE);
    return status;
}

/* The handle to duplicate: none, when it is one of the layer's own, here or in another process. Until that begins, nothing else keeps what
 * its layer begins with from being closed, and another object would get the number. */
static HANDLE judge_source(HANDLE process, HANDLE source, ULONG options)
{
    if (process_is_this(process))
        return handle_used(source);
    bool layers = process_has_journal(process, source) ||
                  (options & DUPLICATE_CLOSE_SOURCE && handle_there(process, source, object_is_first));
    return layers ? handle_refuse() : source;
}

/* A handle given by another process is one that was not opened here. */
NTSTATUS NTAPI fvm_NtDuplicateObject(HANDLE source_process, HANDLE source, HANDLE target_process, HANDLE *target,
                                     ACCESS_MASK access, ULONG attributes, ULONG options)
{
    HANDLE made = NULL;
    layer_attach();
    source = judge_source(source_process, source, options);
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
