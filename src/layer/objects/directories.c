/* Object directories and the symbolic links in them. */
#include "layer/handles.h"
#include "layer/objects/objects.h"

NTSTATUS NTAPI fvm_NtOpenDirectoryObject(HANDLE *handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)
{
    HANDLE directory = NULL; /* the program gets it when it has been judged */
    if (!guard_read(&directory, handle, sizeof(directory)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = object_open(nt.NtOpenDirectoryObject, true, &directory, access, attributes);
    NTSTATUS checked = status < 0 ? status : object_directory_opened(directory);
    if (checked < 0 && status >= 0) {
        nt.NtClose(directory);
        directory = NULL;
    }
    if (guard_write(handle, &directory, sizeof(directory)))
        return checked < 0 ? checked : status;
    if (checked >= 0)
        nt.NtClose(directory);
    return STATUS_ACCESS_VIOLATION;
}

/* With OBJ_OPENIF a creation opens what is there. */
NTSTATUS NTAPI fvm_NtCreateDirectoryObject(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes)
{
    struct object_name name;
    OBJECT_ATTRIBUTES *at;
    HANDLE made;
    NTSTATUS status = object_resolve(attributes, OBJECT_CREATE, &name, &at);
    if (status == STATUS_OBJECT_TYPE_MISMATCH) { /* the root */
        status = fvm_NtOpenDirectoryObject(handle, access, attributes);
        return status < 0 ? status : STATUS_OBJECT_NAME_EXISTS;
    }
    if (status < 0)
        return status;
    if (!guard_read(&made, handle, sizeof(made)))
        return STATUS_ACCESS_VIOLATION;
    status = nt.NtCreateDirectoryObject(&made, access, at);
    return object_give(handle, made, at, true, status);
}

/* The system follows a link's target from its own root, so what the program names is put below the VM's. What that is too long for is
 * refused: the program's own target would lead to the host. A target that is no name, the system refuses, or never follows. */
static NTSTATUS own_target(const UNICODE_STRING *program, char16 *memory, UNICODE_STRING *own)
{
    struct strbuf target;
    buf_init(&target, memory, UNICODE_STRING_MAX_CHARS);
    buf_add(&target, object_root());
    char16 *copy = memory + target.len;
    if (!guard_read(own, program, sizeof(*own)) || !guard_read(copy, own->Buffer, own->Length))
        return STATUS_ACCESS_VIOLATION;
    struct str name = {copy, own->Length / sizeof(char16)};
    bool absolute = name.len && own->MaximumLength && name.s[0] == '\\';
    if (!absolute) {
        own->Buffer = own->Buffer ? (WCHAR *)copy : NULL;
        return STATUS_SUCCESS;
    }
    if (target.len + name.len > target.cap)
        return log_refusal("link with a target that is too long", str_head(name, LOGGED_UNITS), STATUS_NAME_TOO_LONG);
    size_t len = target.len + (name.len > 1 ? name.len : 0); /* the root itself is without a backslash */
    *own = (UNICODE_STRING){(USHORT)(len * sizeof(char16)), (USHORT)(len * sizeof(char16)), (WCHAR *)memory};
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI fvm_NtCreateSymbolicLinkObject(HANDLE *handle, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes,
                                              UNICODE_STRING *target)
{
    struct object_name name;
    OBJECT_ATTRIBUTES *at;
    UNICODE_STRING own;
    HANDLE made;
    NTSTATUS status = object_resolve(attributes, OBJECT_CREATE_LINK, &name, &at);
    if (status < 0)
        return status;
    if (!guard_read(&made, handle, sizeof(made)))
        return STATUS_ACCESS_VIOLATION;
    char16 *memory = scratch_take();
    status = own_target(target, memory, &own);
    if (status >= 0) {
        status = nt.NtCreateSymbolicLinkObject(&made, access, at, &own);
        status = object_give(handle, made, at, true, status);
    }
    scratch_give(memory);
    return status;
}

/* On Wine a link can be opened once more, by a name of no characters relative to its handle. */
static NTSTATUS limit_reopened(const OBJECT_ATTRIBUTES *at, HANDLE *made)
{
    struct str name, own;
    if (!at || !at->RootDirectory || at->RootDirectory == layer.objects)
        return STATUS_SUCCESS;
    char16 *memory = scratch_take();
    NTSTATUS status = handle_text(*made, HANDLE_NAME, memory, SCRATCH_SIZE, &name);
    if (status >= 0 && name.len && !object_show(name, &own))
        status = log_refusal("changing an object of the system", name, STATUS_ACCESS_DENIED);
    scratch_give(memory);
    if (status < 0) {
        nt.NtClose(*made);
        *made = NULL;
    }
    return status;
}

/* The links of the system are there to be asked where they lead to, and for nothing else. */
NTSTATUS NTAPI fvm_NtOpenSymbolicLinkObject(HANDLE *handle, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes)
{
    const ACCESS_MASK harmless = SYMBOLIC_LINK_QUERY | READ_CONTROL | SYNCHRONIZE;
    struct object_name name;
    struct object_shared shared;
    OBJECT_ATTRIBUTES *at;
    HANDLE made;
    NTSTATUS status = object_resolve(attributes, OBJECT_OPEN, &name, &at);
    if (!guard_read(&made, handle, sizeof(made)))
        return STATUS_ACCESS_VIOLATION;
    if (status >= 0)
        status = object_limit(at, false, &access);
    if (status >= 0)
        status = nt.NtOpenSymbolicLinkObject(&made, access, at);
    if (status >= 0 && access & ~harmless)
        status = limit_reopened(at, &made);
    if (object_shared(attributes, status, true, &shared)) {
        ACCESS_MASK allowed = access & ~harmless ? SYMBOLIC_LINK_QUERY | (access & harmless) : access;
        status = nt.NtOpenSymbolicLinkObject(&made, allowed, &shared.said.attributes);
        if (status >= 0)
            object_log_less(access, false, said_name(&shared.said));
        scratch_give(shared.memory);
    }
    return object_give(handle, made, at, access & ~harmless, status);
}

NTSTATUS NTAPI fvm_NtQuerySymbolicLinkObject(HANDLE handle, UNICODE_STRING *target, ULONG *length)
{
    layer_attach();
    char16 *memory = scratch_take();
    UNICODE_STRING system = {0, UNICODE_STRING_MAX_BYTES, (WCHAR *)memory}, program;
    struct str own;
    ULONG ignored;
    NTSTATUS status = nt.NtQuerySymbolicLinkObject(handle, &system, &ignored);
    if (status < 0 || !object_show((struct str){memory, system.Length / sizeof(char16)}, &own) ||
        !guard_read(&program, target, sizeof(program)))
        status = nt.NtQuerySymbolicLinkObject(handle, target, length);
    else {
        ULONG bytes = (ULONG)(own.len * sizeof(char16)), needed = bytes + (ULONG)sizeof(char16);
        memory[own.s - memory + (ptrdiff_t)own.len] = 0;
        if (length && !guard_write(length, &needed, sizeof(needed)))
            status = STATUS_ACCESS_VIOLATION;
        else if (bytes && program.MaximumLength < needed)
            status = STATUS_BUFFER_TOO_SMALL;
        else {
            program.Length = (USHORT)bytes;
            status = guard_write(program.Buffer, own.s, program.MaximumLength < needed ? bytes : needed) &&
                             guard_write(target, &program, sizeof(program))
                         ? STATUS_SUCCESS
                         : STATUS_ACCESS_VIOLATION;
        }
    }
    scratch_give(memory);
    return status;
}
