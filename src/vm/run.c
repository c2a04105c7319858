/* fvm_run: the supervisor. It holds the only handle of the job, so the VM's processes live no longer than it does. */
#include "vm/error.h"
#include "vm/events.h"
#include "vm/job.h"
#include "vm/launch.h"
#include "vm/text.h"

#include <stdlib.h>
#include <string.h>

#define RUN u"run a program in VM"
/* The system does not promise to deliver every message of a job: now and then the job itself is asked. */
#define POLL_MS 2000u
#define STRANGERS_MS 10u /* for messages under way */

struct watched {
    HANDLE handle;
    DWORD pid;
    int64_t created; /* 0: not seen in the VM's table yet */
};

struct watch {
    struct share *share;
    HANDLE port;
    struct watched *list;
    size_t count, cap;
};

/* Asked for when the process has ended: on Wine the time is only set when its first thread begins. */
static int64_t create_time(HANDLE process)
{
    FILETIME create, unused;
    if (!GetProcessTimes(process, &create, &unused, &unused, &unused))
        return 0;
    return (int64_t)((uint64_t)create.dwHighDateTime << 32 | create.dwLowDateTime);
}

static void watch_begin(struct watch *watch, DWORD pid)
{
    if (watch->count == watch->cap) {
        size_t cap = watch->cap ? 2 * watch->cap : 16;
        struct watched *list = realloc(watch->list, cap * sizeof *list);
        if (!list)
            return; /* its exit code will not be in the log */
        watch->list = list;
        watch->cap = cap;
    }
    HANDLE handle = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (handle)
        watch->list[watch->count++] = (struct watched){.handle = handle, .pid = pid};
}

/* Wine itself starts a process now and then (explorer.exe, for the desktop) where no hook can see it. It ends with the
 * VM, but it was not in it, and the log must not hide that. */
static void tell_stranger(struct watch *watch, const struct watched *one)
{
    char16 memory[VM_PATH_MAX];
    DWORD len = VM_PATH_MAX;
    if (!QueryFullProcessImageNameW(one->handle, 0, memory, &len))
        len = 0;
    event_write(watch->share->events, one->pid, u"outside", (struct str){memory, len});
}

static void watch_end(struct watch *watch, DWORD pid)
{
    char16 memory[16];
    struct strbuf b;
    DWORD code;
    buf_init(&b, memory, sizeof memory / sizeof *memory);
    for (size_t i = 0; i < watch->count; i++) {
        struct watched one = watch->list[i];
        if (one.pid != pid)
            continue;
        if (GetExitCodeProcess(one.handle, &code))
            text_add_number(&b, code);
        if (!share_process(watch->share, pid, one.created ? one.created : create_time(one.handle), false))
            tell_stranger(watch, &one);
        CloseHandle(one.handle);
        watch->list[i] = watch->list[--watch->count];
        break;
    }
    event_write(watch->share->events, pid, u"exit", b.len > 0 ? buf_str(&b) : STR(u"?"));
}

static bool is_stranger(const struct watch *watch, struct watched *one)
{
    const struct shared_process *table = watch->share->view->process;
    if (one->created)
        return false;
    int64_t created = create_time(one->handle);
    for (uint32_t i = 0; i < VM_PROCESSES; i++)
        if (table[i].pid == one->pid && table[i].create_time == created) {
            one->created = created;
            return false;
        }
    return true;
}

static bool only_strangers(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        if (!is_stranger(watch, &watch->list[i]))
            return false;
    return watch->count > 0;
}

/* A desktop that Wine starts goes on for as long as there are programs outside, so it is not waited for. */
static void wait_until_empty(struct watch *watch)
{
    for (;;) {
        DWORD message;
        ULONG_PTR key;
        OVERLAPPED *pid;
        bool strangers = only_strangers(watch);
        if (!GetQueuedCompletionStatus(watch->port, &message, &key, &pid, strangers ? STRANGERS_MS : POLL_MS)) {
            uint32_t left = job_processes(watch->share->job);
            if (left != 0 && !(strangers && left == watch->count))
                continue;
            for (size_t i = 0; i < watch->count && left != 0; i++)
                tell_stranger(watch, &watch->list[i]);
            return;
        }
        if (message == JOB_OBJECT_MSG_NEW_PROCESS)
            watch_begin(watch, (DWORD)(ULONG_PTR)pid);
        else if (message == JOB_OBJECT_MSG_EXIT_PROCESS || message == JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS)
            watch_end(watch, (DWORD)(ULONG_PTR)pid);
        else if (message == JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO && job_processes(watch->share->job) == 0)
            return;
    }
}

static bool watch_open(struct watch *watch, struct share *share)
{
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association = {NULL, NULL};
    memset(watch, 0, sizeof *watch);
    watch->share = share;
    association.CompletionPort = watch->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    return watch->port && SetInformationJobObject(share->job, JobObjectAssociateCompletionPortInformation, &association,
                                                  sizeof association);
}

static void watch_close(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        CloseHandle(watch->list[i].handle);
    free(watch->list);
    if (watch->port)
        CloseHandle(watch->port);
}

/* The program decides what Ctrl-C means; whoever waits for it must outlive it. */
static BOOL WINAPI ignore_interrupts(DWORD event)
{
    return event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT;
}

static enum fvm_result supervise(struct share *share, const struct program *program, uint32_t *exit_code,
                                 struct fvm_error *error)
{
    PROCESS_INFORMATION process = {0};
    struct watch watch;
    DWORD code = 0;
    enum fvm_result result;
    if (watch_open(&watch, share)) {
        SetConsoleCtrlHandler(ignore_interrupts, TRUE);
        result = launch(share, program, &process, error);
        if (result == FVM_OK) {
            wait_until_empty(&watch);
            GetExitCodeProcess(process.hProcess, &code);
        }
        SetConsoleCtrlHandler(ignore_interrupts, FALSE);
    } else {
        result = error_system(error, FVM_FAILED, RUN, str_of(share->vm->name), error_last_status(), u"");
    }
    *exit_code = code;
    if (process.hProcess) {
        CloseHandle(process.hProcess);
        CloseHandle(process.hThread);
    }
    watch_close(&watch);
    return result;
}

enum fvm_result fvm_run(struct fvm_home *home, const wchar_t *name, const wchar_t *command_line, uint32_t *exit_code,
                        void (*notice)(const wchar_t *text), struct fvm_error *error)
{
    struct share share;
    struct program program;
    struct vm vm;
    *exit_code = 0;
    enum fvm_result result = vm_open(&vm, home, name, RUN, error);
    if (result == FVM_OK)
        result = share_open(&share, &vm, notice, error);
    if (result != FVM_OK)
        return result;
    result = program_find(&program, &vm, &share, command_line, error);
    if (result == FVM_OK)
        result = supervise(&share, &program, exit_code, error);
    if (result == FVM_CANNOT_RUN)
        event_write(share.events, GetCurrentProcessId(), u"refuse", str_of(error->text));
    program_free(&program);
    share_close(&share);
    return result;
}
