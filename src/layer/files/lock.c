/* Locking parts of files.
 *
 * A file that was opened for reading only is the host's own. A lock on it is a message to other programs, so it is the VM's business:
 * the file is copied, and the lock is one of the copy, by a companion of the program's handle, which lives as long as it has locks. */
#include "layer/files/lock.h"

#include <stdatomic.h>

#include "layer/handles.h"
#include "layer/pool.h"

#define WRITES (FILE_WRITE_DATA | FILE_APPEND_DATA)

struct companion {
    HANDLE file;     /* has the copy open; NULL: given back */
    HANDLE handle;   /* the program's */
    uint64_t opened; /* which file that has open */
    uint32_t locks;  /* granted or asked for */
};

static atomic_uint open_companions;

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
    if (companion->file && file_id_of(companion->handle) != companion->opened)
        give_back(companion);
}

void lock_end_closed(void)
{
    if (atomic_load_explicit(&open_companions, memory_order_relaxed))
        handles_visit(HANDLE_LOCK, give_back_closed);
}

/* ---- companions ---- */

/* With the same access as the handle has to the original: the system judges what may be locked by it. */
static NTSTATUS open_copy(const struct file_name *name, HANDLE file, ACCESS_MASK access, struct file_memory *memory,
                          HANDLE *copy)
{
    enum { READS = FILE_READ_DATA | FILE_EXECUTE | FILE_READ_ATTRIBUTES };
    FILE_MODE_INFORMATION mode;
    IO_STATUS_BLOCK io;
    NTSTATUS status = nt.NtQueryInformationFile(file, &io, &mode, sizeof(mode), FileModeInformation);
    if (status < 0)
        return status;
    return file_open_stored(name, memory, access & READS, FILE_NON_DIRECTORY_FILE | (mode.Mode & SYNCHRONOUS), copy);
}

/* NULL: there is no copy, and can be none. The host's file is locked then. */
static struct companion *make_companion(HANDLE file, struct file_name *name, struct file_memory *memory,
                                        ACCESS_MASK access)
{
    struct map_place place;
    HANDLE copy;
    NTSTATUS status = file_copy_up(name, memory, COPY_ALL);
    if (status >= 0)
        status = file_resolve(name, memory, &place);
    if (status < 0 || place.hidden || !place.in_storage || open_copy(name, file, access, memory, &copy) < 0)
        return NULL;
    struct companion *companion = pool_take(sizeof(*companion));
    if (!companion) {
        nt.NtClose(copy);
        return NULL;
    }
    *companion = (struct companion){copy, file, file_id_of(file), 0};
    atomic_fetch_add(&open_companions, 1);
    return companion;
}

static bool is_directory(HANDLE file)
{
    FILE_STANDARD_INFORMATION standard;
    IO_STATUS_BLOCK io;
    return nt.NtQueryInformationFile(file, &io, &standard, sizeof(standard), FileStandardInformation) < 0 ||
           standard.Directory;
}

/* The word of a handle; 0: nothing is known, the system is to say. */
static uintptr_t look(HANDLE file)
{
    ACCESS_MASK access = handle_granted(file);
    bool from_storage;
    uintptr_t word = 0;
    if (access & WRITES)
        return HANDLE_VERDICT;
    struct file_memory *memory = scratch_take();
    struct file_name name = name_on(memory);
    if (name_of_handle(file, &name.path, &from_storage)) {
        if (from_storage)
            word = HANDLE_VERDICT;
        else if (!is_directory(file))
            word = (uintptr_t)make_companion(file, &name, memory, access);
    }
    scratch_give(memory);
    return word;
}

static bool is_companion(uintptr_t word)
{
    return word && !handle_is_verdict(word);
}

/* The handle to lock in place of the program's, which is said to have one lock more. */
static HANDLE begin_lock(HANDLE file)
{
    uintptr_t word, token;
    HANDLE target = file;
    lock_end_closed();
    if (handle_verdict(file, HANDLE_LOCK) || !handle_take(file, HANDLE_LOCK, &token, &word))
        return file;
    if (is_companion(word) && !((struct companion *)word)->file) {
        lock_release(word);
        word = 0;
    }
    if (!word)
        word = look(file);
    if (is_companion(word)) {
        struct companion *companion = (struct companion *)word;
        companion->locks++;
        target = companion->file;
    }
    handle_give(file, HANDLE_LOCK, &token, word);
    return target;
}

/* One lock of the handle's companion is no more, or was not granted. */
static void end_lock(HANDLE file)
{
    uintptr_t word, token;
    if (!handle_take(file, HANDLE_LOCK, &token, &word))
        return;
    struct companion *companion = (struct companion *)word;
    if (is_companion(word) && (!companion->locks || !--companion->locks))
        give_back(companion);
    handle_give(file, HANDLE_LOCK, &token, word);
}

HANDLE lock_companion(HANDLE file)
{
    uintptr_t word, token;
    HANDLE companion = NULL;
    if (!atomic_load(&open_companions) || !handle_take(file, HANDLE_LOCK, &token, &word))
        return NULL;
    if (is_companion(word))
        companion = ((struct companion *)word)->file;
    handle_give(file, HANDLE_LOCK, &token, word);
    return companion;
}

NTSTATUS NTAPI fvm_NtLockFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE apc, void *context, IO_STATUS_BLOCK *io,
                              LARGE_INTEGER *offset, LARGE_INTEGER *count, ULONG *key, BOOLEAN dont_wait,
                              BOOLEAN exclusive)
{
    layer_attach();
    file = handle_used(file);
    HANDLE target = begin_lock(file);
    NTSTATUS status = nt.NtLockFile(target, event, apc, context, io, offset, count, key, dont_wait, exclusive);
    if (status < 0 && target != file)
        end_lock(file);
    return status;
}

NTSTATUS NTAPI fvm_NtUnlockFile(HANDLE file, IO_STATUS_BLOCK *io, LARGE_INTEGER *offset, LARGE_INTEGER *count,
                                ULONG *key)
{
    layer_attach();
    HANDLE companion = lock_companion(file);
    NTSTATUS status = nt.NtUnlockFile(companion ? companion : file, io, offset, count, key);
    if (status >= 0 && companion)
        end_lock(file);
    return status;
}
