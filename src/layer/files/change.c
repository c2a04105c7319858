/* Changing what a handle has open: attributes, times, security, extended attributes, deletion. */
#include "layer/files/change.h"

#include "layer/files/list.h"
#include "layer/handles.h"
#include "layer/objects/pipes.h"
#include "layer/registry/registry.h"

NTSTATUS change_handle(HANDLE file, enum copy_what what, HANDLE *own)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct map_place place;
    bool in_storage;
    NTSTATUS status = STATUS_SUCCESS;
    *own = file;
    if (name_of_handle(file, &name.path, &in_storage) &&
        (!in_storage || (what == COPY_ALL && map_resolve(layer_map(&layer.files), buf_str(&name.path), &place) &&
                         place.kind == MAP_META))) {
        status = file_copy_up(&name, memory, what);
        if (status >= 0 && !in_storage)
            status = file_open_stored(&name, memory, handle_granted(file),
                                      FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT, own);
    }
    scratch_give(memory);
    return status;
}

NTSTATUS change_handle_kept(HANDLE file, enum copy_what what, HANDLE *own)
{
    HANDLE kept;
    NTSTATUS status = handle_keep(file, &kept);
    if (status < 0)
        return status;
    status = change_handle(kept, what, own);
    if (status < 0 || *own != kept)
        nt.NtClose(kept);
    return status;
}

static void change_done(HANDLE file, HANDLE own)
{
    if (own != file)
        nt.NtClose(own);
}

/* ---- deletion ---- */

/* A directory with a lower: empty for the VM? Then its storage alone counts from now on. */
static NTSTATUS prepare_delete(HANDLE own)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    struct map_place place;
    bool in_storage;
    NTSTATUS status = STATUS_SUCCESS;
    layer_lock();
    if (name_of_handle(own, &name.path, &in_storage) && in_storage &&
        map_resolve(layer_map(&layer.files), buf_str(&name.path), &place) && place.kind == MAP_DIR)
        status = list_is_empty(&name) ? file_record(buf_str(&name.path), MAP_OWN, (struct str){0}, &place.origin)
                                      : STATUS_DIRECTORY_NOT_EMPTY;
    layer_unlock();
    scratch_give(memory);
    return status;
}

static NTSTATUS set_disposition(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length,
                                FILE_INFORMATION_CLASS class)
{
    BYTE flags = 0;
    HANDLE own;
    if (length && !guard_read(&flags, information, sizeof(flags)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = change_handle(file, COPY_META, &own);
    if (status >= 0 && flags & FILE_DISPOSITION_FLAG_DELETE && handle_granted(own) & DELETE)
        status = prepare_delete(own);
    if (status >= 0)
        status = nt.NtSetInformationFile(own, io, information, length, class);
    change_done(file, own);
    return status;
}

static NTSTATUS set_any(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length, FILE_INFORMATION_CLASS class)
{
    HANDLE own;
    /* Times and attributes are set so often that there is no time for more (docs/security.md). */
    NTSTATUS status =
        class == FileBasicInformation ? change_handle(file, COPY_ALL, &own) : change_handle_kept(file, COPY_ALL, &own);
    if (status < 0)
        return status;
    status = nt.NtSetInformationFile(own, io, information, length, class);
    change_done(file, own);
    return status;
}

NTSTATUS NTAPI fvm_NtSetInformationFile(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length,
                                        FILE_INFORMATION_CLASS class)
{
    enum { IoCompletionNotification = 41, IoStatusBlockRange = 42, IoPriorityHint = 43, ReplaceCompletion = 61 };
    file = handle_used(file);
    switch ((int)class) {
    case FilePositionInformation:
    case FileModeInformation:
    case FilePipeInformation:
    case FilePipeRemoteInformation:
    case FileMailslotSetInformation:
    case FileCompletionInformation:
    case IoCompletionNotification:
    case IoStatusBlockRange:
    case IoPriorityHint:
    case ReplaceCompletion:
    /* These want a handle that may write, and what a VM may write is its own. */
    case FileEndOfFileInformation:
    case FileAllocationInformation:
    case FileValidDataLengthInformation:
        return nt.NtSetInformationFile(file, io, information, length, class);
    case FileRenameInformation:
    case FileRenameInformationExClass:
    case FileLinkInformation:
    case FileLinkInformationExClass:
        layer_attach();
        return change_name(file, io, information, length, class);
    case FileDispositionInformation:
    case FileDispositionInformationExClass:
        layer_attach();
        return set_disposition(file, io, information, length, class);
    default:
        layer_attach();
        return set_any(file, io, information, length, class);
    }
}

NTSTATUS NTAPI fvm_NtSetEaFile(HANDLE file, IO_STATUS_BLOCK *io, void *buffer, ULONG length)
{
    HANDLE own;
    layer_attach();
    file = handle_used(file);
    NTSTATUS status = change_handle_kept(file, COPY_ALL, &own);
    if (status < 0)
        return status;
    status = nt.NtSetEaFile(own, io, buffer, length);
    change_done(file, own);
    return status;
}

NTSTATUS NTAPI fvm_NtSetSecurityObject(HANDLE handle, SECURITY_INFORMATION requested, void *descriptor)
{
    HANDLE kept, own;
    NTSTATUS status;
    layer_attach();
    handle = handle_used(handle);
    if (key_set_security(handle, requested, descriptor, &status))
        return status;
    status = handle_keep(handle, &kept);
    if (status < 0)
        return status;
    own = kept;
    if (key_is_key(kept)) /* by now */
        status = STATUS_INVALID_HANDLE;
    else if (!pipe_is_disconnected(kept))
        status = change_handle(kept, COPY_ALL, &own); /* other objects' handles come back as they are */
    if (status >= 0) {
        status = nt.NtSetSecurityObject(own, requested, descriptor);
        change_done(kept, own);
    }
    nt.NtClose(kept);
    return status;
}

/* Labels, quotas and the like belong to the host's volume. */
NTSTATUS NTAPI fvm_NtSetVolumeInformationFile(HANDLE file, IO_STATUS_BLOCK *io, void *information, ULONG length,
                                              FS_INFORMATION_CLASS class)
{
    (void)io, (void)information, (void)length, (void)class;
    layer_attach();
    return change_refuse(file, "change of a volume");
}
