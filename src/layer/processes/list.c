/* What the system says about all processes, without those outside the VM. The system fills in the program's buffer; then
 * entries are taken out of it. */
#include "layer/processes/processes.h"

enum {
    SystemProcessInformationClass = 5,
    SystemHandleInformationClass = 16,
    SystemExtendedProcessInformationClass = 57,
    SystemExtendedHandleInformationClass = 64,
    SystemProcessIdInformationClass = 88,
    SystemFullProcessInformationClass = 148,
    IDLE_PROCESS = 0,
    SYSTEM_PROCESS = 4
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
    char16 memory[16];
    struct str name = {memory, entry->image.Length / sizeof(char16)};
    bool wine = nt.__wine_unix_spawnvp;
    if ((!wine && ((ULONG_PTR)entry->pid == IDLE_PROCESS || (ULONG_PTR)entry->pid == SYSTEM_PROCESS)) ||
        process_id_is_ours((uint32_t)(ULONG_PTR)entry->pid))
        return true;
    if (name.len > sizeof(memory) / sizeof(memory[0]) ||
        !guard_read(memory, entry->image.Buffer, name.len * sizeof(char16)))
        return false;
    for (size_t i = 0; i < sizeof(system_processes) / sizeof(system_processes[0]); i++)
        if (str_equal_fold(layer.up, name, str_of(system_processes[i])))
            return true;
    return false;
}

/* Moves the entry of `size` bytes to the buffer's start; false when the program's memory is bad. */
static bool move_first(uint8_t *buffer, ULONG from, ULONG size, struct process_entry *entry)
{
    uint8_t *chunk = scratch_take();
    bool good = true;
    if (entry->image.Buffer)
        entry->image.Buffer = (WCHAR *)((uint8_t *)entry->image.Buffer - from);
    if (entry->next)
        entry->next += from;
    for (ULONG done = 0; done < size && good; done += SCRATCH_SIZE) {
        ULONG count = size - done < SCRATCH_SIZE ? size - done : SCRATCH_SIZE;
        good = guard_read(chunk, buffer + from + done, count) && guard_write(buffer + done, chunk, count);
    }
    scratch_give(chunk);
    return good && guard_write(buffer, entry, sizeof(*entry));
}

static NTSTATUS filter_processes(uint8_t *buffer, ULONG length)
{
    struct process_entry entry, last_entry = {0};
    ULONG at = 0, last = UINT32_MAX; /* the last one kept */
    for (;;) {
        if (length < sizeof(entry) || at > length - sizeof(entry))
            break;
        if (!guard_read(&entry, buffer + at, sizeof(entry)))
            return STATUS_ACCESS_VIOLATION;
        ULONG next = entry.next;
        if (shown(&entry)) {
            ULONG here = at;
            if (last == UINT32_MAX && at) {
                if (!move_first(buffer, at, next ? next : length - at, &entry))
                    return STATUS_ACCESS_VIOLATION;
                here = 0;
            } else if (last != UINT32_MAX && last_entry.next != at - last) {
                last_entry.next = at - last;
                if (!guard_write(buffer + last, &last_entry.next, sizeof(last_entry.next)))
                    return STATUS_ACCESS_VIOLATION;
            }
            last = here;
            last_entry = entry;
        }
        if (!next || next > length - at)
            break;
        at += next;
    }
    ULONG none = 0;
    if (last != UINT32_MAX && last_entry.next && !guard_write(buffer + last, &none, sizeof(none)))
        return STATUS_ACCESS_VIOLATION;
    return STATUS_SUCCESS;
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

static NTSTATUS filter_handles(uint8_t *buffer, ULONG length, const struct handle_table *table, ULONG *new_length)
{
    ULONG count, kept = 0;
    uint8_t entry[64];
    if (length < table->first || !guard_read(&count, buffer, sizeof(count)))
        return STATUS_ACCESS_VIOLATION;
    for (ULONG i = 0; i < count && (i + 1) * table->size <= length - table->first; i++) {
        uint32_t pid;
        if (!guard_read(entry, buffer + table->first + i * table->size, table->size))
            return STATUS_ACCESS_VIOLATION;
        mem_copy(&pid, entry + table->pid, sizeof(pid));
        if (!process_id_is_ours(pid))
            continue;
        if (kept != i && !guard_write(buffer + table->first + kept * table->size, entry, table->size))
            return STATUS_ACCESS_VIOLATION;
        kept++;
    }
    *new_length = table->first + kept * table->size;
    return guard_write(buffer, &kept, sizeof(kept)) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

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
    if (!process_id_is_ours((uint32_t)(ULONG_PTR)asked.pid))
        return process_refuse("image name of a process outside the VM", (ULONG_PTR)asked.pid);
    NTSTATUS status =
        nt.NtQuerySystemInformation(SystemProcessIdInformationClass, &asked, sizeof(asked), return_length);
    return guard_write(information, &asked, sizeof(asked)) ? status : STATUS_ACCESS_VIOLATION;
}

NTSTATUS NTAPI fvm_NtQuerySystemInformation(ULONG class, void *information, ULONG length, ULONG *return_length)
{
    NTSTATUS status;
    ULONG got = 0;
    switch (class) {
    case SystemProcessInformationClass:
    case SystemExtendedProcessInformationClass:
    case SystemFullProcessInformationClass:
        layer_attach();
        status = nt.NtQuerySystemInformation(class, information, length, &got);
        if (status >= 0)
            status = filter_processes(information, got < length ? got : length);
        break;
    case SystemHandleInformationClass:
    case SystemExtendedHandleInformationClass:
        layer_attach();
        status = nt.NtQuerySystemInformation(class, information, length, &got);
        if (status >= 0)
            status = filter_handles(information, got < length ? got : length,
                                    &tables[class == SystemExtendedHandleInformationClass], &got);
        break;
    case SystemProcessIdInformationClass:
        layer_attach();
        return image_name_of(information, length, return_length);
    default:
        return nt.NtQuerySystemInformation(class, information, length, return_length);
    }
    if (return_length && !guard_write(return_length, &got, sizeof(got)))
        return STATUS_ACCESS_VIOLATION;
    return status;
}
