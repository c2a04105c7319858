/* The border: no program of the VM gets a handle of a process or thread outside it. That is all there is to do: reading and
 * writing memory, creating threads and APCs, duplicating handles, debugging, suspending and ending need a handle. */
#include "layer/processes/processes.h"

enum { ThreadBasicInformationClass = 0 };

typedef struct {
    NTSTATUS ExitStatus;
    void *TebBaseAddress;
    CLIENT_ID ClientId;
    ULONG_PTR AffinityMask;
    LONG Priority, BasePriority;
} FVM_THREAD_BASIC_INFORMATION;

/* By another handle: the one that the program asks for may not be for questions. */
static bool pid_is_ours(const CLIENT_ID *id)
{
    CLIENT_ID only = {.UniqueProcess = id->UniqueProcess};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes)};
    HANDLE process;
    if ((ULONG_PTR)only.UniqueProcess == layer.pid)
        return true;
    if (nt.NtOpenProcess(&process, PROCESS_QUERY_LIMITED_INFORMATION, &attributes, &only) < 0)
        return false;
    bool ours = process_is_ours(process);
    nt.NtClose(process);
    return ours;
}

bool process_is_outside(uint32_t pid)
{
    CLIENT_ID id = {.UniqueProcess = (HANDLE)(ULONG_PTR)pid};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes)};
    HANDLE process;
    if (process_id_is_ours(pid))
        return false;
    NTSTATUS status = nt.NtOpenProcess(&process, PROCESS_QUERY_LIMITED_INFORMATION, &attributes, &id);
    if (status >= 0)
        nt.NtClose(process);
    return status >= 0 || status == STATUS_ACCESS_DENIED;
}

static bool thread_is_ours(const CLIENT_ID *id)
{
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes)};
    FVM_THREAD_BASIC_INFORMATION information;
    HANDLE thread;
    if (nt.NtOpenThread(&thread, THREAD_QUERY_LIMITED_INFORMATION, &attributes, id) < 0)
        return false;
    bool ours = nt.NtQueryInformationThread(thread, ThreadBasicInformationClass, &information, sizeof(information),
                                            NULL) >= 0 &&
                pid_is_ours(&information.ClientId);
    nt.NtClose(thread);
    return ours;
}

NTSTATUS process_refuse(const char *why, ULONG_PTR id)
{
    char16 text[20];
    size_t at = sizeof(text) / sizeof(text[0]);
    do {
        text[--at] = (char16)('0' + id % 10);
        id /= 10;
    } while (id && at);
    return log_refusal(why, (struct str){text + at, sizeof(text) / sizeof(text[0]) - at}, STATUS_ACCESS_DENIED);
}

/* Gives the program a handle that was opened for it, or the reason why not. */
static NTSTATUS give(HANDLE own, bool ours, HANDLE *to, const char *why, HANDLE id)
{
    if (!ours) {
        nt.NtClose(own);
        own = NULL;
    }
    if (guard_write(to, &own, sizeof(own)))
        return ours ? STATUS_SUCCESS : process_refuse(why, (ULONG_PTR)id);
    if (ours)
        nt.NtClose(own);
    return STATUS_ACCESS_VIOLATION;
}

NTSTATUS NTAPI fvm_NtOpenProcess(HANDLE *process, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes,
                                 const CLIENT_ID *id)
{
    CLIENT_ID own_id;
    HANDLE own;
    layer_attach();
    if (!guard_read(&own_id, id, sizeof(own_id)) || !guard_write(process, &(HANDLE){NULL}, sizeof(HANDLE)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = nt.NtOpenProcess(&own, access, attributes, &own_id);
    return status < 0
               ? status
               : give(own, pid_is_ours(&own_id), process, "opening a process outside the VM", own_id.UniqueProcess);
}

NTSTATUS NTAPI fvm_NtOpenThread(HANDLE *thread, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attributes,
                                const CLIENT_ID *id)
{
    CLIENT_ID own_id;
    HANDLE own;
    layer_attach();
    if (!guard_read(&own_id, id, sizeof(own_id)) || !guard_write(thread, &(HANDLE){NULL}, sizeof(HANDLE)))
        return STATUS_ACCESS_VIOLATION;
    NTSTATUS status = nt.NtOpenThread(&own, access, attributes, &own_id);
    return status < 0
               ? status
               : give(own, thread_is_ours(&own_id), thread, "opening a thread outside the VM", own_id.UniqueThread);
}

/* Skips what is not the VM's. */
NTSTATUS NTAPI fvm_NtGetNextProcess(HANDLE process, ACCESS_MASK access, ULONG attributes, ULONG flags, HANDLE *next)
{
    HANDLE at = process, found, given;
    layer_attach();
    for (;;) {
        NTSTATUS status =
            nt.NtGetNextProcess(at, access | PROCESS_QUERY_LIMITED_INFORMATION, attributes, flags, &found);
        if (at != process)
            nt.NtClose(at);
        if (status < 0)
            return status;
        if (!process_is_ours(found)) {
            at = found;
            continue;
        }
        status = nt.NtDuplicateObject(NT_CURRENT_PROCESS, found, NT_CURRENT_PROCESS, &given, access, attributes, 0);
        nt.NtClose(found);
        return status < 0 ? status : give(given, true, next, NULL, NULL);
    }
}
