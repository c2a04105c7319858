/* What the system says about all processes, without those outside the VM. */
#include "layer/processes/processes.h"

enum {
    SystemProcessInformationClass = 5,
    SystemHandleInformationClass = 16,
    SystemExtendedProcessInformationClass = 57,
    SystemExtendedHandleInformationClass = 64,
    SystemProcessIdInformationClass = 88,
    SystemFullProcessInformationClass = 148,
    IDLE_PROCESS = 0,
    SYSTEM_PROCESS = 4,
    FIRST_ROOM = 256 * 1024,
    MOST_ROOM = 1 << 30
};

/* The head of SYSTEM_PROCESS_INFORMATION; source: phnt, ntexapi.h. */
struct process_entry {
    ULONG next, threads;
    LARGE_INTEGER working_set;
    ULONG hard_faults, threads_high;
    ULONGLONG cycles;
    LARGE_INTEGER create_time, user_time, kernel_time;
    UNICODE_STRING image;
    LONG priority;
    HANDLE pid;
};

/* Processes that every system has and programs look for. They are shown; they cannot be opened. */
static const char16 *const system_processes[] = {u"smss.exe",     u"csrss.exe", u"wininit.exe",
                                                 u"services.exe", u"lsass.exe", u"winlogon.exe"};

static bool shown(const struct process_entry *entry)
{
    struct str name = {(const char16 *)entry->image.Buffer, entry->image.Length / sizeof(char16)};
    bool wine = nt.__wine_unix_spawnvp;
    if ((!wine && ((ULONG_PTR)entry->pid == IDLE_PROCESS || (ULONG_PTR)entry->pid == SYSTEM_PROCESS)) ||
        process_listed_is_ours((uint32_t)(ULONG_PTR)entry->pid, entry->create_time.QuadPart))
        return true;
    for (size_t i = 0; i < sizeof(system_processes) / sizeof(system_processes[0]); i++)
        if (str_equal_fold(layer.up, name, str_of(system_processes[i])))
            return true;
    return false;
}

/* Moves those shown to the start, as they are to be at `program`; returns their size. */
static ULONG keep_processes(uint8_t *memory, ULONG length, uint8_t *program)
{
    struct process_entry entry;
    ULONG from = 0, to = 0, last = 0, size;
    do {
        if (length - from < sizeof(entry))
            break;
        mem_copy(&entry, memory + from, sizeof(entry));
        size = entry.next ? entry.next : length - from;
        if (size > length - from)
            break;
        if (shown(&entry)) {
            last = to;
            if (entry.image.Buffer)
                entry.image.Buffer = (WCHAR *)(program + to + ((uint8_t *)entry.image.Buffer - (memory + from)));
            mem_copy(memory + to, memory + from, size);
            mem_copy(memory + to, &entry, sizeof(entry));
            to += size;
        }
        from += size;
    } while (entry.next);
    if (to)
        mem_zero(memory + last, sizeof(entry.next));
    return to;
}

/* SYSTEM_HANDLE_INFORMATION and its Ex form: a count and entries that hold the id of the owner. */
struct handle_table {
    ULONG first, size;   /* of the entries */
    ULONG pid, pid_size; /* where an entry has the owner's id */
};

static const struct handle_table tables[] = {
    {sizeof(void *), sizeof(void *) == 8 ? 24 : 16, 0, 4}, /* Wine: 32 bits; Windows: 16, and 16 that are 0 */
    {2 * sizeof(void *), 3 * sizeof(void *) + 16, sizeof(void *), 4},
};

/* The same for entries of handles. */
static ULONG keep_handles(uint8_t *memory, ULONG length, const struct handle_table *table)
{
    ULONG count, kept = 0;
    uint32_t last = 0; /* a process's handles follow each other */
    bool ours = false;
    mem_copy(&count, memory, sizeof(count));
    uint8_t *entry = memory + table->first, *to = entry;
    for (ULONG i = 0; i < count && table->size <= length - (ULONG)(entry - memory); i++, entry += table->size) {
        uint32_t pid;
        mem_copy(&pid, entry + table->pid, sizeof(pid));
        if (pid != last)
            ours = process_id_is_ours(pid);
        last = pid;
        if (!ours)
            continue;
        mem_copy(to, entry, table->size);
        to += table->size;
        kept++;
    }
    mem_copy(memory, &kept, sizeof(kept));
    return (ULONG)(to - memory);
}

#define NO_PROCESS ((HANDLE)(uintptr_t)0x7ffffffc) /* greater than the ids that either system gives */

/* The system gets the id that was judged. */
static NTSTATUS image_name_of(void *information, ULONG length, ULONG *return_length)
{
    struct {
        HANDLE pid;
        UNICODE_STRING name; /* its buffer is the program's */
    } asked;
    if (length < sizeof(asked))
        return nt.NtQuerySystemInformation(SystemProcessIdInformationClass, information, length, return_length);
    if (!guard_read(&asked, information, sizeof(asked)))
        return STATUS_ACCESS_VIOLATION;
    HANDLE pid = asked.pid;
    if (process_is_outside((uint32_t)(ULONG_PTR)pid))
        return process_refuse("image name of a process outside the VM", (ULONG_PTR)pid);
    if (!process_id_is_ours((uint32_t)(ULONG_PTR)pid))
        asked.pid = NO_PROCESS; /* there is none now; by its id there might be one outside in a moment */
    NTSTATUS status =
        nt.NtQuerySystemInformation(SystemProcessIdInformationClass, &asked, sizeof(asked), return_length);
    asked.pid = pid;
    return guard_write(information, &asked, sizeof(asked)) ? status : STATUS_ACCESS_VIOLATION;
}

/* What the system says, in memory of the layer: no thread of the program sees what is not for it. Give back with memory_give; NULL when
 * there is none. */
static uint8_t *ask(ULONG class, ULONG *length, NTSTATUS *status)
{
    uint8_t *memory = NULL;
    *status = STATUS_NO_MEMORY;
    for (ULONG room = FIRST_ROOM; room <= MOST_ROOM; room *= 2) {
        memory = memory_take(room);
        if (!memory)
            return NULL;
        *status = nt.NtQuerySystemInformation(class, memory, room, length);
        if (*status >= 0) {
            *length = *length < room ? *length : room;
            return memory;
        }
        memory_give(memory);
        if (*status != STATUS_INFO_LENGTH_MISMATCH)
            return NULL;
    }
    return NULL;
}

/* table is NULL for a list of processes. */
static NTSTATUS list(ULONG class, const struct handle_table *table, uint8_t *information, ULONG length,
                     ULONG *return_length)
{
    NTSTATUS status;
    ULONG size = 0;
    uint8_t *memory = ask(class, &size, &status);
    if (!memory)
        return status;
    size = table ? keep_handles(memory, size, table) : keep_processes(memory, size, information);
    if (!guard_write(information, memory, size < length ? size : length))
        status = STATUS_ACCESS_VIOLATION;
    else if (size > length)
        status = STATUS_INFO_LENGTH_MISMATCH;
    memory_give(memory);
    if (return_length && !guard_write(return_length, &size, sizeof(size)))
        return STATUS_ACCESS_VIOLATION;
    return status;
}

NTSTATUS NTAPI fvm_NtQuerySystemInformation(ULONG class, void *information, ULONG length, ULONG *return_length)
{
    const struct handle_table *table = NULL;
    switch (class) {
    case SystemHandleInformationClass:
    case SystemExtendedHandleInformationClass:
        table = &tables[class == SystemExtendedHandleInformationClass];
        if (length < table->first + table->size) /* the system does not say how much it takes */
            break;
        /* fall through */
    case SystemProcessInformationClass:
    case SystemExtendedProcessInformationClass:
    case SystemFullProcessInformationClass:
        layer_attach();
        return list(class, table, information, length, return_length);
    case SystemProcessIdInformationClass:
        layer_attach();
        return image_name_of(information, length, return_length);
    default:
        break;
    }
    return nt.NtQuerySystemInformation(class, information, length, return_length);
}
