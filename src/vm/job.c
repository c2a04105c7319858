/* Which processes a VM has, and ending them. The system is asked, never the memory that the VM's programs can write. */
#include "vm/job.h"

#include "vm/error.h"
#include "vm/file.h"

#include <stdlib.h>

#define STOP_TIMEOUT_MS 10000u
#define STOP_POLL_MS 5u
#define PROGRAM_UNITS 32768u

typedef JOBOBJECT_BASIC_PROCESS_ID_LIST pid_list;

HANDLE job_claim(const struct vm *vm)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    char16 name[VM_OBJECT_UNITS];
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    for (unsigned slot = 0; slot < JOB_SLOTS; slot++) {
        vm_object(vm, u"job.", &slot, name);
        HANDLE job = CreateJobObjectW(NULL, name);
        if (!job)
            return NULL;
        if (GetLastError() == ERROR_ALREADY_EXISTS) {
            CloseHandle(job);
            continue;
        }
        if (SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
            return job;
        CloseHandle(job);
        return NULL;
    }
    SetLastError(ERROR_TOO_MANY_NAMES);
    return NULL;
}

uint32_t job_processes(HANDLE job)
{
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION information;
    if (!QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &information, sizeof information, NULL))
        return 0;
    return information.ActiveProcesses;
}

/* Calls visit for every job of the VM. Without the section nothing can be running, and 256 names need not be tried. */
static void each_job(const struct vm *vm, DWORD access, void (*visit)(void *context, HANDLE job), void *context)
{
    char16 name[VM_OBJECT_UNITS];
    vm_object(vm, u"section", NULL, name);
    HANDLE section = OpenFileMappingW(SECTION_QUERY, FALSE, name);
    if (!section)
        return;
    CloseHandle(section);
    for (unsigned slot = 0; slot < JOB_SLOTS; slot++) {
        vm_object(vm, u"job.", &slot, name);
        HANDLE job = OpenJobObjectW(access, FALSE, name);
        if (job) {
            visit(context, job);
            CloseHandle(job);
        }
    }
}

struct job_count {
    bool any;
    uint32_t processes;
};

static void count_job(void *context, HANDLE job)
{
    struct job_count *count = context;
    count->any = true;
    count->processes += job_processes(job);
}

bool vm_running(const struct vm *vm, uint32_t *processes)
{
    struct job_count count = {0};
    each_job(vm, JOB_OBJECT_QUERY, count_job, &count);
    if (processes)
        *processes = count.processes;
    return count.any;
}

static void stop_job(void *context, HANDLE job)
{
    count_job(context, job);
    TerminateJobObject(job, FVM_EXIT_STOPPED);
}

enum fvm_result fvm_stop(struct fvm_home *home, const wchar_t *name, uint32_t *stopped, struct fvm_error *error)
{
    static const char16 operation[] = u"stop VM";
    struct job_count first = {0}, count;
    struct vm vm;
    enum fvm_result result = vm_find(&vm, home, name, operation, error);
    *stopped = 0;
    if (result != FVM_OK)
        return result;
    each_job(&vm, JOB_OBJECT_QUERY | JOB_OBJECT_TERMINATE, stop_job, &first);
    *stopped = first.processes;
    count = first;
    /* its programs may start others between two looks; and the supervisor needs a moment to see that it is over */
    for (unsigned waited = 0; count.any; waited += STOP_POLL_MS) {
        if (waited >= STOP_TIMEOUT_MS)
            return error_reason(error, FVM_FAILED, operation, str_of(vm.name), u"its processes do not end",
                                u"'fvm ps' lists them; try again");
        Sleep(STOP_POLL_MS);
        count = (struct job_count){0};
        each_job(&vm, JOB_OBJECT_QUERY | JOB_OBJECT_TERMINATE, stop_job, &count);
    }
    return FVM_OK;
}

struct process_visit {
    const struct vm *vm;
    pid_list *list;
    size_t list_bytes;
    struct strbuf delta, dos;
    bool (*visit)(void *context, const struct fvm_process *process);
    void *context;
    bool stop;
};

/* A program from the VM's own storage has the name that the VM sees. */
static struct str program_name(struct process_visit *v)
{
    char16 memory[VM_PATH_MAX];
    struct strbuf files;
    buf_init(&files, memory, VM_PATH_MAX);
    buf_add(&files, home_path(v->vm->home));
    path_add(&files, STR(u"vms"));
    path_add(&files, str_of(v->vm->name));
    path_add(&files, STR(u"files"));
    struct str delta = buf_str(&v->delta);
    if (delta.len > files.len + 1 && delta.s[files.len] == u'\\' &&
        CompareStringOrdinal(delta.s, (int)files.len, files.s, (int)files.len, TRUE) == CSTR_EQUAL)
        delta = str_from(delta, files.len + 1);
    path_dos_of_delta(delta, &v->dos);
    return buf_str(&v->dos);
}

static void visit_process(struct process_visit *v, DWORD pid)
{
    struct fvm_process process = {pid, L""};
    HANDLE handle = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    DWORD len = PROGRAM_UNITS;
    v->dos.len = v->delta.len = 0;
    if (handle) {
        if (QueryFullProcessImageNameW(handle, 0, v->dos.s, &len) &&
            path_delta_of_dos((struct str){v->dos.s, len}, &v->delta)) {
            program_name(v);
            if (buf_terminate(&v->dos))
                process.program = v->dos.s;
        }
        CloseHandle(handle);
    }
    v->stop = !v->visit(v->context, &process);
}

static void visit_job(void *context, HANDLE job)
{
    struct process_visit *v = context;
    if (v->stop || !QueryInformationJobObject(job, JobObjectBasicProcessIdList, v->list, (DWORD)v->list_bytes, NULL))
        return;
    for (DWORD i = 0; i < v->list->NumberOfProcessIdsInList && !v->stop; i++)
        visit_process(v, (DWORD)v->list->ProcessIdList[i]);
}

enum fvm_result fvm_processes(struct fvm_home *home, const wchar_t *name,
                              bool (*visit)(void *context, const struct fvm_process *process), void *context,
                              struct fvm_error *error)
{
    static const char16 operation[] = u"list the processes of VM";
    struct vm vm;
    enum fvm_result result = vm_find(&vm, home, name, operation, error);
    if (result != FVM_OK)
        return result;
    struct process_visit v = {.vm = &vm, .visit = visit, .context = context};
    v.list_bytes = sizeof(pid_list) + VM_PROCESSES * sizeof(ULONG_PTR);
    v.list = malloc(v.list_bytes);
    if (v.list && path_alloc(&v.delta) && path_alloc(&v.dos))
        each_job(&vm, JOB_OBJECT_QUERY, visit_job, &v);
    else
        result = error_memory(error, operation, str_of(vm.name));
    free(v.list);
    path_free(&v.delta);
    path_free(&v.dos);
    return result;
}
