/* A process that is in its job and has the layer before it executes anything. */
#include "vm/launch.h"

#include "nt/enter.h"
#include "nt/parameters.h"
#include "vm/error.h"
#include "vm/events.h"
#include "vm/layers.h"
#include "vm/text.h"

#include <stdlib.h>
#include <string.h>

#define START u"run"
#define ATTRIBUTES 2u
#define STANDARD_HANDLES 3u
#define REASON_UNITS 512u

/* Not on NT 5.2; so by look-up. */
typedef BOOL(WINAPI *initialize_attributes)(LPPROC_THREAD_ATTRIBUTE_LIST, DWORD, DWORD, PSIZE_T);
typedef BOOL(WINAPI *update_attribute)(LPPROC_THREAD_ATTRIBUTE_LIST, DWORD, DWORD_PTR, PVOID, SIZE_T, PVOID, PSIZE_T);

struct start {
    STARTUPINFOEXW info;
    HANDLE handles[STANDARD_HANDLES];
    DWORD handle_count;
    bool job_given; /* the system puts the process into the job itself */
};

static bool inheritable(HANDLE handle)
{
    DWORD flags;
    return handle && handle != INVALID_HANDLE_VALUE && GetHandleInformation(handle, &flags) &&
           (flags & HANDLE_FLAG_INHERIT || SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
}

/* Standard handles are files, pipes and consoles; any other object of the host is no way for a program to stream. Wine 10 passes on
 * what the start-up information names, whatever the list says: so what is not given is not named. */
static HANDLE give_handle(struct start *start, DWORD which)
{
    HANDLE handle = GetStdHandle(which);
    if (GetFileType(handle) == FILE_TYPE_UNKNOWN || !inheritable(handle))
        return NULL;
    for (DWORD i = 0; i < start->handle_count; i++)
        if (start->handles[i] == handle) /* the system refuses a list that has one twice */
            return handle;
    return start->handles[start->handle_count++] = handle;
}

static bool prepare(struct start *start, const struct share *share)
{
    HMODULE kernel32 = GetModuleHandleA("kernel32");
    SIZE_T size = 0;
    memset(start, 0, sizeof *start);
    start->info.StartupInfo.cb = sizeof start->info.StartupInfo;
    start->info.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    start->info.StartupInfo.hStdInput = give_handle(start, STD_INPUT_HANDLE);
    start->info.StartupInfo.hStdOutput = give_handle(start, STD_OUTPUT_HANDLE);
    start->info.StartupInfo.hStdError = give_handle(start, STD_ERROR_HANDLE);
    initialize_attributes initialize =
        (initialize_attributes)(void *)GetProcAddress(kernel32, "InitializeProcThreadAttributeList");
    update_attribute update = (update_attribute)(void *)GetProcAddress(kernel32, "UpdateProcThreadAttribute");
    if (!initialize || !update)
        return true;
    initialize(NULL, ATTRIBUTES, 0, &size);
    start->info.lpAttributeList = malloc(size);
    if (!start->info.lpAttributeList || !initialize(start->info.lpAttributeList, ATTRIBUTES, 0, &size))
        return false;
    start->info.StartupInfo.cb = sizeof start->info;
    start->job_given = update(start->info.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST, (PVOID)&share->job,
                              sizeof share->job, NULL, NULL);
    return start->handle_count == 0 || update(start->info.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                              start->handles, start->handle_count * sizeof(HANDLE), NULL, NULL);
}

/* "<step> (NtX: 4C 8B D1 ...)" and the system's message */
static enum fvm_result enter_failed(const struct program *program, const struct enter_error *enter,
                                    struct fvm_error *error)
{
    char16 memory[REASON_UNITS];
    struct strbuf b;
    if (enter->status == STATUS_INVALID_IMAGE_WIN_32)
        return error_reason(error, FVM_CANNOT_RUN, START, buf_str(&program->name),
                            u"it is a 32-bit program, and this system runs no 32-bit programs",
                            u"give a 64-bit program, or use a system that runs both, like Wine 10");
    buf_init(&b, memory, REASON_UNITS);
    buf_add(&b, STR(u"FVM's layer does not get into it (step: "));
    for (const char *c = enter->step; c && *c; c++)
        buf_add_char(&b, (char16)*c);
    if (enter->service[0]) {
        buf_add(&b, STR(u"; service "));
        for (const char *c = enter->service; *c; c++)
            buf_add_char(&b, (char16)*c);
    }
    for (uint32_t i = 0; i < enter->bytes_count && i < sizeof enter->bytes; i++) {
        buf_add(&b, i == 0 ? STR(u" begins with ") : STR(u" "));
        buf_add_hex(&b, enter->bytes[i], 2);
    }
    buf_add(&b, STR(u"; status 0x"));
    buf_add_hex(&b, (ULONG)enter->status, 8);
    buf_add(&b, STR(u")"));
    buf_terminate(&b);
    return error_reason(error, FVM_CANNOT_RUN, START, buf_str(&program->name), memory,
                        u"nothing was run; report this line, it says what this system does differently");
}

static NTSTATUS enter_process(const struct share *share, const PROCESS_INFORMATION *process, struct enter_error *error)
{
    struct layer_image layer = layer_image();
    struct layer_boot boot = {.section = (uintptr_t)share->section,
                              .lock = (uintptr_t)share->lock,
                              .objects = (uintptr_t)share->objects.root,
                              .pid = process->dwProcessId};
    return process_enter(process->hProcess, layer.bytes, layer.size, &boot, error);
}

static enum fvm_result enter(struct share *share, const struct program *program, const struct start *start,
                             const PROCESS_INFORMATION *process, struct fvm_error *error)
{
    struct enter_error enter_error = {0};
    FILETIME create, unused;
    if (!start->job_given && !AssignProcessToJobObject(share->job, process->hProcess))
        return error_system(error, FVM_CANNOT_RUN, START, buf_str(&program->name), error_last_status(),
                            u"leave the job that 'fvm' runs in");
    if (!NT_SUCCESS(enter_process(share, process, &enter_error)))
        return enter_failed(program, &enter_error, error);
    if (CompareStringOrdinal(program->image.s, (int)program->image.len, program->name.s, (int)program->name.len,
                             TRUE) != CSTR_EQUAL) {
        NTSTATUS status = parameters_set_image_name(process->hProcess, buf_str(&program->name));
        if (!NT_SUCCESS(status))
            return error_system(error, FVM_CANNOT_RUN, START, buf_str(&program->name), status, u"");
    }
    GetProcessTimes(process->hProcess, &create, &unused, &unused, &unused);
    if (!share_process(share, process->dwProcessId,
                       (int64_t)((uint64_t)create.dwHighDateTime << 32 | create.dwLowDateTime), true))
        return error_reason(error, FVM_CANNOT_RUN, START, buf_str(&program->name),
                            u"the VM has too many processes, or one of them holds its lock",
                            u"end some of them, or all with 'fvm stop'");
    event_write(share->events, process->dwProcessId, u"start", buf_str(&program->name));
    ResumeThread(process->hThread);
    return FVM_OK;
}

enum fvm_result launch(struct share *share, const struct program *program, PROCESS_INFORMATION *process,
                       struct fvm_error *error)
{
    struct start start;
    enum fvm_result result;
    memset(process, 0, sizeof *process);
    if (!prepare(&start, share)) {
        result = error_system(error, FVM_FAILED, START, buf_str(&program->name), error_last_status(), u"");
        goto done;
    }
    DWORD flags = CREATE_SUSPENDED | (start.info.lpAttributeList ? EXTENDED_STARTUPINFO_PRESENT : 0);
    if (!CreateProcessW(program->image.s, program->command_line.s, NULL, NULL, start.handle_count > 0, flags, NULL,
                        NULL, &start.info.StartupInfo, process)) {
        result = error_system(error, FVM_CANNOT_RUN, START, buf_str(&program->name), error_last_status(), u"");
        goto done;
    }
    result = enter(share, program, &start, process, error);
    if (result != FVM_OK)
        TerminateProcess(process->hProcess, FVM_EXIT_STOPPED);
done:
    free(start.info.lpAttributeList);
    return result;
}
