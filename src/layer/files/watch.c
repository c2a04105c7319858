/* Watching directories: NtNotifyChangeDirectoryFile(Ex) and the services that cancel it. */
#include "layer/files/watch.h"

#include "layer/files/lock.h"
#include "layer/handles.h"

/* Wine's FindFirstChangeNotification opens a synchronous handle, and its caller waits for the handle. No other function of
 * Wine opens a directory like this; Windows opens an asynchronous one. */
static bool wine_notification(ACCESS_MASK access, ULONG options)
{
    return nt.__wine_unix_spawnvp && access == (FILE_LIST_DIRECTORY | SYNCHRONIZE) &&
           options == (FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT);
}

bool watch_intended(ACCESS_MASK access, ULONG options)
{
    if (options & SYNCHRONOUS)
        return wine_notification(access, options);
    return access & (FILE_LIST_DIRECTORY | GENERIC_READ | GENERIC_ALL | MAXIMUM_ALLOWED) &&
           options & (FILE_DIRECTORY_FILE | FILE_OPEN_FOR_BACKUP_INTENT) && !(options & FILE_NON_DIRECTORY_FILE);
}

void watch_release(uintptr_t companion)
{
    nt.NtClose((HANDLE)companion);
}

/* ---- companions ---- */

/* Whether the system would watch it: a directory, opened to be listed. What it refuses must not be mirrored. */
static bool can_watch(HANDLE file, ULONG *synchronous)
{
    FILE_STANDARD_INFORMATION standard;
    FILE_MODE_INFORMATION mode;
    IO_STATUS_BLOCK io;
    if (!(handle_granted(file) & FILE_LIST_DIRECTORY))
        return false;
    if (nt.NtQueryInformationFile(file, &io, &standard, sizeof(standard), FileStandardInformation) < 0 ||
        !standard.Directory)
        return false;
    *synchronous = 0;
    if (nt.NtQueryInformationFile(file, &io, &mode, sizeof(mode), FileModeInformation) >= 0)
        *synchronous = mode.Mode & SYNCHRONOUS;
    return true;
}

static NTSTATUS open_companion(struct file_name *name, struct file_memory *memory, ULONG synchronous, HANDLE *companion)
{
    struct map_place place;
    NTSTATUS status = file_copy_up(name, memory, COPY_META);
    if (status >= 0)
        status = file_resolve(name, memory, &place);
    if (status < 0)
        return status;
    if (place.hidden || !place.in_storage)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return file_open_stored(name, memory, FILE_LIST_DIRECTORY,
                            FILE_DIRECTORY_FILE | FILE_OPEN_FOR_BACKUP_INTENT | synchronous, companion);
}

/* The companion of a handle that has a directory of the host open, the verdict when it has the storage's, 0 when the
 * system is to say what is wrong. */
static uintptr_t make_companion(HANDLE file)
{
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    bool from_storage;
    ULONG synchronous;
    uintptr_t word = 0;
    if (can_watch(file, &synchronous) && name_of_handle(file, &name.path, &from_storage)) {
        HANDLE companion;
        if (from_storage)
            word = HANDLE_VERDICT;
        else if (open_companion(&name, memory, synchronous, &companion) >= 0)
            word = (uintptr_t)companion;
        else
            log_event("not-watched", buf_str(&name.path));
    }
    scratch_give(memory);
    return word;
}

/* The handle to watch in place of the program's. */
static HANDLE watched(HANDLE file)
{
    uintptr_t word, token;
    if (handle_verdict(file, HANDLE_WATCH) || !handle_take(file, HANDLE_WATCH, &token, &word))
        return file;
    if (!word)
        word = make_companion(file);
    HANDLE target = !word || handle_is_verdict(word) ? file : (HANDLE)word;
    handle_give(file, HANDLE_WATCH, &token, word);
    return target;
}

NTSTATUS NTAPI fvm_NtNotifyChangeDirectoryFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                               IO_STATUS_BLOCK *io, void *buffer, ULONG length, ULONG filter,
                                               BOOLEAN subtree)
{
    layer_attach();
    return nt.NtNotifyChangeDirectoryFile(watched(file), event, apc, context, io, buffer, length, filter, subtree);
}

NTSTATUS NTAPI fvm_NtNotifyChangeDirectoryFileEx(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context,
                                                 IO_STATUS_BLOCK *io, void *buffer, ULONG length, ULONG filter,
                                                 BOOLEAN subtree, ULONG class)
{
    layer_attach();
    return nt.NtNotifyChangeDirectoryFileEx(watched(file), event, apc, context, io, buffer, length, filter, subtree,
                                            class);
}

/* ---- cancelling ---- */

/* What else may have requests of the handle, NULL at the end. */
struct companions {
    HANDLE file[3];
};

static struct companions companions_of(HANDLE file)
{
    HANDLE watch = (HANDLE)handle_value(file, HANDLE_WATCH), lock = lock_companion(file);
    return watch ? (struct companions){{watch, lock}} : (struct companions){{lock}};
}

NTSTATUS NTAPI fvm_NtCancelIoFile(HANDLE file, IO_STATUS_BLOCK *io)
{
    struct companions companions = companions_of(file);
    IO_STATUS_BLOCK own_io;
    NTSTATUS status = nt.NtCancelIoFile(file, io);
    for (HANDLE *companion = companions.file; *companion && status >= 0; companion++)
        nt.NtCancelIoFile(*companion, &own_io);
    return status;
}

NTSTATUS NTAPI fvm_NtCancelIoFileEx(HANDLE file, IO_STATUS_BLOCK *request, IO_STATUS_BLOCK *io)
{
    struct companions companions = companions_of(file);
    NTSTATUS status = nt.NtCancelIoFileEx(file, request, io);
    for (HANDLE *companion = companions.file; *companion && (status >= 0 || status == STATUS_NOT_FOUND); companion++) {
        NTSTATUS further = nt.NtCancelIoFileEx(*companion, request, io);
        if (status < 0)
            status = further;
    }
    return status;
}
