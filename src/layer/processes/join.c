/* Makes a new process one of the VM's, and knows which are. */
#include "layer/processes/processes.h"
#include "nt/enter.h"

enum { ProcessBasicInformationClass = 0, ProcessTimesClass = 4 };

static bool identify(HANDLE process, struct shared_process *identity)
{
    FVM_PROCESS_BASIC_INFORMATION basic;
    struct {
        LARGE_INTEGER create, exit, kernel, user;
    } times;
    if (nt.NtQueryInformationProcess(process, ProcessBasicInformationClass, &basic, sizeof(basic), NULL) < 0 ||
        nt.NtQueryInformationProcess(process, ProcessTimesClass, &times, sizeof(times), NULL) < 0)
        return false;
    *identity = (struct shared_process){.pid = (uint32_t)basic.UniqueProcessId, .create_time = times.create.QuadPart};
    return true;
}

/* The program's handle may be for other things than questions. */
static bool identify_otherwise(HANDLE process, struct shared_process *identity)
{
    HANDLE own;
    if (nt.NtDuplicateObject(NT_CURRENT_PROCESS, process, NT_CURRENT_PROCESS, &own, PROCESS_QUERY_INFORMATION, 0, 0) <
        0)
        return false;
    bool known = identify(own, identity);
    nt.NtClose(own);
    return known;
}

static struct shared_process *table(void)
{
    return ((struct vm_shared *)layer.vm)->process;
}

static struct shared_process *find_identity(uint32_t pid, int64_t create_time)
{
    for (unsigned i = 0; i < VM_PROCESSES; i++)
        if (table()[i].pid == pid && table()[i].create_time == create_time)
            return &table()[i];
    return NULL;
}

static struct shared_process *find(HANDLE process)
{
    struct shared_process identity;
    return identify(process, &identity) || identify_otherwise(process, &identity)
               ? find_identity(identity.pid, identity.create_time)
               : NULL;
}

bool process_is_ours(HANDLE process)
{
    return process == NT_CURRENT_PROCESS || find(process);
}

bool process_is_this(HANDLE process)
{
    struct shared_process identity;
    return process == NT_CURRENT_PROCESS ||
           ((identify(process, &identity) || identify_otherwise(process, &identity)) && identity.pid == layer.pid);
}

static bool alive(const struct shared_process *entry)
{
    CLIENT_ID id = {.UniqueProcess = (HANDLE)(uintptr_t)entry->pid};
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof(attributes)};
    struct shared_process identity;
    HANDLE process;
    if (nt.NtOpenProcess(&process, PROCESS_QUERY_LIMITED_INFORMATION, &attributes, &id) < 0)
        return false;
    bool same = identify(process, &identity) && identity.create_time == entry->create_time;
    nt.NtClose(process);
    return same;
}

/* Nobody notes the end of a process whose supervisor is killed. Its id becomes another's, of the VM or not. */
bool process_id_is_ours(uint32_t pid)
{
    if (!pid || pid == layer.pid)
        return pid;
    for (unsigned i = 0; i < VM_PROCESSES; i++)
        if (table()[i].pid == pid && !(table()[i].flags & SHARED_PROCESS_ENDED) && alive(&table()[i]))
            return true;
    return false;
}

bool process_listed_is_ours(uint32_t pid, int64_t create_time)
{
    struct shared_process *entry = pid ? find_identity(pid, create_time) : NULL;
    return entry && !(entry->flags & SHARED_PROCESS_ENDED);
}

bool process_in_job(HANDLE process)
{
    struct shared_process *entry = find(process);
    return entry && entry->flags & SHARED_PROCESS_IN_JOB;
}

void process_set_in_job(HANDLE process, bool in_job)
{
    struct shared_process *entry = find(process);
    if (entry && in_job)
        atomic_fetch_or(&entry->flags, SHARED_PROCESS_IN_JOB);
    else if (entry)
        atomic_fetch_and(&entry->flags, ~SHARED_PROCESS_IN_JOB);
}

void process_note_journal(enum journal_names names, HANDLE handle)
{
    struct shared_process *entry = find(NT_CURRENT_PROCESS);
    if (entry)
        entry->journal[names] = (uint32_t)(uintptr_t)handle;
}

bool process_has_journal(HANDLE process, HANDLE handle)
{
    enum { TAGS = 3 }; /* bits that the system does not look at */
    struct shared_process *entry = find(process);
    uint32_t number = (uint32_t)(uintptr_t)handle & ~(uint32_t)TAGS;
    return entry && number && (number == entry->journal[JOURNAL_FILES] || number == entry->journal[JOURNAL_KEYS]);
}

/* Only a place that nobody had is taken without the lock. */
static bool take_new(const struct shared_process *identity)
{
    for (unsigned i = 0; i < VM_PROCESSES; i++)
        if (shared_process_claim(&table()[i])) {
            shared_process_set(&table()[i], identity->pid, identity->create_time, identity->flags);
            return true;
        }
    return false;
}

/* At last that of one that died without a word, also while it was claimed. */
static bool may_take(const struct shared_process *entry, bool last)
{
    return entry->flags & SHARED_PROCESS_ENDED || (last && !alive(entry));
}

/* Takes a free place, or, when there is none left, one of a process that has ended. */
static NTSTATUS enlist(const struct shared_process *identity)
{
    NTSTATUS status = STATUS_TOO_MANY_CONTEXT_IDS;
    if (take_new(identity))
        return STATUS_SUCCESS;
    layer_lock();
    for (int last = 0; last < 2 && status < 0; last++)
        for (unsigned i = 0; i < VM_PROCESSES && status < 0; i++)
            if (may_take(&table()[i], last)) {
                shared_process_set(&table()[i], identity->pid, identity->create_time, identity->flags);
                status = STATUS_SUCCESS;
            }
    layer_unlock();
    return status;
}

static void log_failure(const struct enter_error *error, struct str image)
{
    log_refusal(error->step, image, error->status);
    if (error->service[0])
        log_refusal(error->service, image, error->status);
}

NTSTATUS process_join(HANDLE process, struct str image, bool in_job)
{
    const struct shared_range *file = &layer.vm->image;
    struct layer_boot boot = {
        .section = fvm_layer_header.boot.section, .lock = (uintptr_t)layer.lock, .objects = (uintptr_t)layer.objects};
    struct enter_error error;
    struct shared_process identity;
    if (file->offset > layer.vm->size || file->size > layer.vm->size - file->offset)
        return log_refusal("no layer in the VM's memory", image, STATUS_INVALID_PARAMETER);
    if (!identify(process, &identity))
        return log_refusal("process table", image, STATUS_UNSUCCESSFUL);
    identity.flags = in_job ? SHARED_PROCESS_IN_JOB : 0;
    boot.pid = identity.pid;
    NTSTATUS status = process_enter(process, (const uint8_t *)layer.vm + file->offset, file->size, &boot, &error);
    if (status < 0) {
        log_failure(&error, image);
        return status;
    }
    status = enlist(&identity);
    if (status < 0)
        return log_refusal("process table", image, status);
    log_event("start", image);
    return STATUS_SUCCESS;
}
