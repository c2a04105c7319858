/* Locking parts of files.
 *
 * A file that was opened for reading only is the host's own. An exclusive lock on it is a message to other programs (one instance at
 * a time), so it is the VM's business: the file is copied, and the lock is one of the copy, by a companion of the program's handle.
 * So are shared locks once there is a copy; else these protect what is read, which is the host's. */
#include "layer/files/lock.h"

#include <stdatomic.h>

#include "layer/handles.h"
#include "layer/pool.h"

#define WRITES (FILE_WRITE_DATA | FILE_APPEND_DATA)
#define SYNCHRONOUS (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)

struct companion {
    HANDLE file;     /* has the copy open; NULL: given back */
    HANDLE handle;   /* the program's */
    LONGLONG opened; /* which file that has open */
};

static atomic_uint open_companions;

static LONGLONG file_id(HANDLE file)
{
    FILE_INTERNAL_INFORMATION id;
    IO_STATUS_BLOCK io;
    return nt.NtQueryInformationFile(file, &io, &id, sizeof(id), FileInternalInformation) < 0 ? -1
                                                                                              : id.IndexNumber.QuadPart;
}

static void give_back(struct companion *companion)
{
    if (companion->file) {
        nt.NtClose(companion->file);
        atomic_fetch_sub(&open_companions, 1);
    }
    companion->file = NULL;
}

void lock_release(uintptr_t word)
{
    give_back((struct companion *)word);
    pool_give((void *)word);
}

/* ---- handles that were closed: closing is not intercepted ---- */

static void give_back_closed(uintptr_t word)
{
    struct companion *companion = (struct companion *)word;
    if (companion->file && file_id(companion->handle) != companion->opened)
        give_back(companion);
}

void lock_end_closed(void)
{
    if (atomic_load_explicit(&open_companions, memory_order_relaxed))
        handles_visit(HANDLE_LOCK, give_back_closed);
}

/* ---- companions ---- */

static NTSTATUS open_copy(const struct file_name *name, HANDLE file, struct file_memory *memory, HANDLE *copy)
{
    FILE_MODE_INFORMATION mode;
    IO_STATUS_BLOCK io;
    struct strbuf path;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &mode, sizeof(mode), FileModeInformation);
    if (status < 0)
        return status;
    buf_init(&path, memory->real, PATH_UNITS);
    name_storage(buf_str(&name->path), &path);
    if (path.overflow)
        return STATUS_NAME_TOO_LONG;
    struct path_attributes at = path_attributes(buf_str(&path));
    return nt.NtOpenFile(copy, FILE_READ_DATA | SYNCHRONIZE, path_object(&at), &io, SHARE_ALL,
                         FILE_NON_DIRECTORY_FILE | (mode.Mode & SYNCHRONOUS));
}

/* NULL: the host's file is the one to lock. */
static struct companion *make_companion(HANDLE file, struct file_name *name, struct file_memory *memory, bool exclusive)
{
    struct map_place place;
    HANDLE copy;
    NTSTATUS status = exclusive ? file_copy_up(name, memory, COPY_ALL) : STATUS_SUCCESS;
    if (status >= 0)
        status = file_resolve(name, memory, &place);
    if (status < 0 || place.hidden || !place.in_storage || open_copy(name, file, memory, &copy) < 0)
        return NULL;
    struct companion *companion = pool_take(sizeof(*companion));
    if (!companion) {
        nt.NtClose(copy);
        return NULL;
    }
    *companion = (struct companion){copy, file, file_id(file)};
    atomic_fetch_add(&open_companions, 1);
    return companion;
}

/* The word of a handle; 0: nothing is known, the system is to say. */
static uintptr_t look(HANDLE file, bool exclusive)
{
    ACCESS_MASK access = handle_granted(file);
    struct file_memory *memory;
    bool from_storage;
    uintptr_t word = 0;
    if (access & WRITES)
        return HANDLE_VERDICT;
    if (!(access & FILE_READ_DATA))
        return 0;
    memory = scratch_take();
    struct file_name name = name_on(memory);
    if (name_of_handle(file, &name.path, &from_storage))
        word = from_storage ? HANDLE_VERDICT : (uintptr_t)make_companion(file, &name, memory, exclusive);
    scratch_give(memory);
    return word;
}

/* The handle to lock in place of the program's. */
static HANDLE locked(HANDLE file, bool exclusive)
{
    uintptr_t word, token;
    lock_end_closed();
    if (handle_verdict(file, HANDLE_LOCK) || !handle_take(file, HANDLE_LOCK, &token, &word))
        return file;
    if (word && !handle_is_verdict(word) && !((struct companion *)word)->file) {
        lock_release(word);
        word = 0;
    }
    if (!word)
        word = look(file, exclusive);
    HANDLE target = !word || handle_is_verdict(word) ? file : ((struct companion *)word)->file;
    handle_give(file, HANDLE_LOCK, &token, word);
    return target;
}

HANDLE lock_companion(HANDLE file)
{
    uintptr_t word, token;
    HANDLE companion = NULL;
    if (!atomic_load(&open_companions) || !handle_take(file, HANDLE_LOCK, &token, &word))
        return NULL;
    if (word && !handle_is_verdict(word))
        companion = ((struct companion *)word)->file;
    handle_give(file, HANDLE_LOCK, &token, word);
    return companion;
}

NTSTATUS NTAPI fvm_NtLockFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io,
                              LARGE_INTEGER *offset, LARGE_INTEGER *count, ULONG *key, BOOLEAN dont_wait,
                              BOOLEAN exclusive)
{
    layer_attach();
    return nt.NtLockFile(locked(file, exclusive), event, apc, context, io, offset, count, key, dont_wait, exclusive);
}

NTSTATUS NTAPI fvm_NtUnlockFile(HANDLE file, IO_STATUS_BLOCK *io, LARGE_INTEGER *offset, LARGE_INTEGER *count,
                                ULONG *key)
{
    layer_attach();
    HANDLE companion = lock_companion(file);
    NTSTATUS status = companion ? nt.NtUnlockFile(companion, io, offset, count, key) : STATUS_RANGE_NOT_LOCKED;
    return status == STATUS_RANGE_NOT_LOCKED ? nt.NtUnlockFile(file, io, offset, count, key) : status;
}
